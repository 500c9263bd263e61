"""`mallee keys rotate|status`: the master key, under which the cloud's secrets are sealed."""

from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"


def rotate(*, root: Root = DEFAULT, end_sessions: bool = False) -> None:
    """Put a fresh master key in its place; everything is sealed anew while the cloud answers.

    Parameters
    ----------
    end_sessions
        Forget the old key within a minute, which ends all sessions: for a key that others may know.
    """
    asked = {"EndSessions": end_sessions}
    made = client.call(Layout(root), _SERVICE, "RotateMasterKey", asked)["Rotation"]
    words.tell(f"{made['RotationId']} is {made['State']}; see how far it is: mallee keys status")


def status(*, root: Root = DEFAULT) -> None:
    """Show the keys that there are, and how far each rotation is."""
    found = client.call(Layout(root), _SERVICE, "DescribeMasterKey")
    older = " ".join(found["OlderKeyIds"]) or "none"
    words.tell(f"master key {found['KeyId']}; older keys still kept: {older}")
    words.tell(f"records with secrets under older keys: {found['RecordsUnderOlderKeys']}")
    words.table(
        ("rotation", "state", "asked for", "new key", "waits for", "old key forgotten at"),
        [
            (
                each["RotationId"],
                each["State"],
                str(each["RequestedAt"]),
                each.get("KeyId", ""),
                " ".join(each.get("WaitsFor", ())),
                str(each.get("ForgetsAt", "")),
            )
            for each in found["Rotations"]
        ],
    )
