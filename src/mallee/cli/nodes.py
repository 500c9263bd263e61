"""`mallee node`: how other machines become hosts of a cloud."""

from mallee.box import nodejoin, steps
from mallee.cli import client, progress, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})
_ONLY_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


def invite(*, address: str = "", root: Root = DEFAULT) -> None:
    """Print the line by which one other machine joins this cloud within an hour.

    Parameters
    ----------
    address
        Where the other machine reaches this one; what `listen` in mallee.toml says unless given.
    """
    layout = Layout(root)
    listens = client.settings(layout).listen
    if listens in _ONLY_HERE and not address:
        raise steps.Failed(
            f"this cloud answers its own machine alone: it listens at {listens}",
            'set listen = "0.0.0.0" in mallee.toml, then: mallee down && mallee up',
        )
    if listens in _EVERYWHERE and not address:
        raise steps.Failed(
            "this cloud listens at all addresses of its machine",
            "say by which the other one reaches it: mallee node invite --address ADDRESS",
        )
    made = client.call(layout, "mallee", "CreateJoinToken")
    line = nodejoin.invite(made["Token"], made["CaCertificate"], address or listens, made["Port"])
    words.give(f"mallee node join {line}")


def join(invitation: str, *, name: str = "", zone: str = "", root: Root = DEFAULT) -> None:
    """Make this machine a host of the cloud that printed the invitation.

    Parameters
    ----------
    invitation
        What `mallee node invite` prints on the cloud's machine; good once, for an hour.
    name
        What the host shall be called; as this machine is unless given.
    zone
        The availability zone in which it shall be; the cloud's first unless given.
    """
    wish = nodejoin.Wish(nodejoin.parse(invitation), name, zone)
    progress.run(nodejoin.join_plan(Layout(root), wish))
