"""`mallee authority rotate|status`: the authority that certifies hosts and front ends."""

from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"


def rotate(*, leave_behind: bool = False, root: Root = DEFAULT) -> None:
    """Replace the authority; all hosts and front ends get certificates of the new one meanwhile.

    Parameters
    ----------
    leave_behind
        Do not wait for hosts that are silent: they have to join anew when they are back.
    """
    asked = {"LeaveBehind": leave_behind}
    made = client.call(Layout(root), _SERVICE, "RotateAuthority", asked)["Replacement"]
    words.tell(
        f"{made['ReplacementId']} is {made['State']}; see how far it is: mallee authority status"
    )


def status(*, root: Root = DEFAULT) -> None:
    """Show which authorities are trusted, and how far each replacement is."""
    found = client.call(Layout(root), _SERVICE, "DescribeAuthority")
    signer, *others = found["AuthorityIds"]
    words.tell(f"{signer} signs; trusted as well: {' '.join(others) or 'none'}")
    words.table(
        ("replacement", "state", "asked for", "new authority", "waits for", "ended"),
        [
            (
                each["ReplacementId"],
                each["State"],
                str(each["RequestedAt"]),
                each.get("AuthorityId", ""),
                " ".join(each.get("WaitsFor", ())),
                str(each.get("EndedAt", "")),
            )
            for each in found["Replacements"]
        ],
    )
