"""`mallee frontend`: a cloud's first machine, that listens for others."""

from mallee.box import faststart, steps
from mallee.cli import client, progress, words
from mallee.cli.root import DEFAULT, Root
from mallee.model import standing
from mallee.model.layout import Layout


def frontend(
    address: str,
    *,
    roles: str = "",
    region: str | None = None,
    zone: str | None = None,
    public_range: str | None = None,
    private_range: str | None = None,
    root: Root = DEFAULT,
) -> None:
    """Make this machine a cloud's front end: the cloud, its object store, a host, a tiny image.

    Parameters
    ----------
    address
        At which other machines reach this one.
    roles
        What this machine does as a host, of compute, gateway, storage, with commas between; all
        unless given.
    region
        The region that this cloud calls itself.
    zone
        The name of its first availability zone.
    public_range
        Addresses that instances show to the outside; a free range is found unless given.
    private_range
        The range of each account's default VPC.
    """
    layout = Layout(root)
    options = faststart.Options(
        region=region,
        zone=zone,
        public_range=public_range,
        private_range=private_range,
        address=address,
        roles=_parse(roles),
        with_instance=False,
    )
    progress.run(faststart.plan(layout, options, faststart.Summary()))
    place = "" if root == DEFAULT else f" --root {root}"
    words.give(f"endpoint   {client.access(layout).endpoint}")
    words.give(f'clients    eval "$(mallee credentials env{place})"')
    words.give(f"hosts      mallee node invite{place}")


def _parse(roles: str) -> tuple[str, ...]:
    names = tuple(filter(None, roles.split(",")))
    try:
        standing.parse_roles(names)
    except ValueError as error:
        raise steps.Failed(str(error), "--roles gateway,storage") from error
    return names
