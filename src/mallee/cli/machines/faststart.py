"""`mallee faststart`: what `./faststart` runs once its packages are there, and its last words."""

from mallee.box import faststart as machine
from mallee.box import owners
from mallee.cli import progress, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout


def faststart(
    *,
    root: Root = DEFAULT,
    region: str | None = None,
    zone: str | None = None,
    public_range: str | None = None,
    private_range: str | None = None,
    address: str | None = None,
    instance: bool = True,
) -> None:
    """Go from this machine to an instance that answers SSH; run it again at any point.

    Parameters
    ----------
    region
        The region that this cloud calls itself; any region in a signature is accepted.
    zone
        The name of its availability zone.
    public_range
        Addresses that instances show to the outside; a free range is found unless given.
    private_range
        The range of each account's default VPC.
    address
        At which other machines reach this one: more hosts may join then.
    instance
        Whether a first instance is started.
    """
    options = machine.Options(
        region=region,
        zone=zone,
        public_range=public_range,
        private_range=private_range,
        address=address,
        with_instance=instance,
    )
    layout, summary = Layout(root), machine.Summary()
    progress.run(machine.plan(layout, options, summary))
    _close(layout, summary)


def _close(layout: Layout, summary: machine.Summary) -> None:
    """Say what there is now, and how to go on."""
    place = "" if layout.root == DEFAULT else f" --root {layout.root}"
    words.give(f"endpoint   {summary.endpoint}")
    words.give(f'clients    eval "$(mallee credentials env{place})"')
    if summary.instance_id:
        key = f"-i {layout.key_of(machine.NAME)} -o UserKnownHostsFile={layout.known_hosts}"
        words.give(f"instance   {summary.instance_id} at {summary.address}")
        words.give(f"log in     ssh {key} root@{summary.address}")
        words.give(f"or         mallee ssh {summary.instance_id}{place}")
    if owners.read_settings(layout).address:
        words.give(f"hosts      mallee node invite{place}")
    words.give(f"go on      aws ec2 describe-instances; mallee doctor{place}; README.md")
