"""`mallee frontends`: a cloud's first machine, and others that answer for it, on one database."""

from mallee.box import faststart, frontendjoin, nodejoin, steps
from mallee.cli import client, progress, words
from mallee.cli.machines import nodes
from mallee.cli.root import DEFAULT, Root, Word
from mallee.model.configuration import settings
from mallee.model.hosts import standing
from mallee.model.layout import Layout


def make(
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
    words.give(f"endpoint   {client.taken_away(layout).endpoint}")
    words.give(f'clients    eval "$(mallee credentials env{place})"')
    words.give(f"hosts      mallee node invite{place}")


def invite(*, bare: bool = False, root: Root = DEFAULT) -> None:
    """Print the line by which one other machine becomes a front end of this cloud within an hour.

    Whoever has it gets all the secrets of the cloud: hand it over as you would a key.

    Parameters
    ----------
    bare
        Print the invitation alone, for programs.
    """
    layout = Layout(root)
    reached = settings.reached_at(client.settings(layout))
    if not reached:
        raise steps.Failed(
            "this front end does not know where others reach it",
            'set listen = "0.0.0.0" and address = "ADDRESS" in mallee.toml, then: mallee down && '
            "mallee up",
        )
    made = client.call(layout, "mallee", "CreateFrontEndToken")
    line = nodejoin.invite(made["Token"], made["CaCertificate"], reached, made["Port"])
    words.give(
        str(line) if bare else f"echo {line} | mallee frontends join - --address ITS-ADDRESS"
    )


def join(invitation: Word = "-", *, address: str, name: str = "", root: Root = DEFAULT) -> None:
    """Make this machine a front end of the cloud that printed the invitation, and start it.

    Parameters
    ----------
    invitation
        What `mallee frontends invite` prints; good once, for an hour. `-` reads it from standard
        input and `@FILE` from a file: in a list of processes it is seen by all.
    address
        At which hosts and the other front ends reach this machine.
    name
        What the front end shall be called; as this machine is unless given.
    """
    wish = frontendjoin.Wish(nodejoin.parse(nodes.read_invitation(invitation)), address, name)
    progress.run(frontendjoin.plan(Layout(root), wish))


def list_front_ends(*, root: Root = DEFAULT) -> None:
    """List the front ends of this cloud, and which are there."""
    found = client.call(Layout(root), "mallee", "DescribeFrontEnds")["FrontEnds"]
    for one in found:
        state = "there" if one["IsPresent"] else "away"
        more = "  serves S3" if one["ServesObjects"] else ""
        more += "  ITS SETTINGS DIFFER FROM THOSE HERE" if one["SettingsDiffer"] else ""
        words.give(f"{one['FrontEndId']}  {one['Name']}  {state}  {one['AgentsUrl'] or '-'}{more}")
    if not found:
        words.tell("this cloud has one front end, this machine's")


def remove(front_end: str, *, root: Root = DEFAULT) -> None:
    """Take a front end out that is away for good; agents look for it no more.

    Parameters
    ----------
    front_end
        Its id.
    """
    client.call(Layout(root), "mallee", "RemoveFrontEnd", {"FrontEndId": front_end})
    words.tell(f"{front_end} is no front end of this cloud any more")


def _parse(roles: str) -> tuple[str, ...]:
    names = tuple(filter(None, roles.split(",")))
    try:
        standing.parse_roles(names)
    except ValueError as error:
        raise steps.Failed(str(error), "--roles gateway,storage") from error
    return names
