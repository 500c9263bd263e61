"""`mallee instances migrate ID`: have a running guest go to another host."""

import time

from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_LOOK_S = 0.5


def migrate(
    instance: str, *, to: str = "", wait: bool = True, cancel: bool = False, root: Root = DEFAULT
) -> None:
    """Have a running instance's guest go to another host, with its memory and its disks.

    Parameters
    ----------
    instance
        The instance's id.
    to
        The host, by name or id; without it, the one that has most room.
    wait
        Whether to wait until it is there, or stays.
    cancel
        Have it stay where it is, if it has not gone yet.
    """
    layout = Layout(root)
    asked: dict[str, object] = {"InstanceId": instance}
    if cancel:
        asked["Cancel"] = True
    elif to:
        asked["HostId"] = _id_of(layout, to)
    told = client.call(layout, "mallee", "MigrateInstance", asked)
    if cancel or not wait:
        words.tell(f"{instance} {'stays if it can' if cancel else 'is on its way'}")
        return
    names = {it["HostId"]: it for it in client.call(layout, "mallee", "DescribeHosts")["Hosts"]}
    target = names[told["ToHostId"]]["Name"]
    while True:
        found = client.call(layout, "mallee", "DescribeMigration", {"InstanceId": instance})
        if found["State"] == "none":
            break
        time.sleep(_LOOK_S)
    if found.get("Failure"):
        raise steps.Failed(f"{instance} stays where it was: {found['Failure']}", "try again")
    words.tell(f"{instance} runs on {target}")


def _id_of(layout: Layout, host: str) -> str:
    for one in client.call(layout, "mallee", "DescribeHosts")["Hosts"]:
        if host in (one["HostId"], one["Name"]):
            return one["HostId"]
    raise steps.Failed(f"there is no host {host}", "see `mallee hosts list`")
