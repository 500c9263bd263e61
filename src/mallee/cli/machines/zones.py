"""`mallee zones …`: where hosts stand together."""

from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"


def list_zones(*, root: Root = DEFAULT) -> None:
    """List the zones: how each is, what there is in it, and what stands against it."""
    answer = client.call(Layout(root), _SERVICE, "ListZones")
    found = answer["Zones"]
    words.table(
        ("zone", "id", "state", "hosts", "subnets", "volumes"),
        [
            (
                each["ZoneName"],
                each["ZoneId"],
                each["State"],
                str(len(each["HostIds"])),
                str(each["SubnetCount"]),
                str(each["VolumeCount"]),
            )
            for each in found
        ],
    )
    for zone in found:
        for message in zone["Messages"]:
            words.tell(f"{zone['ZoneName']}: {message}")
    if answer.get("NetworkMode", "vpc") != "vpc":
        words.tell(f"network mode: {answer['NetworkMode']} (mallee networks)")


def create(name: str, *, root: Root = DEFAULT) -> None:
    """Make a zone; hosts join in it by `mallee node join --zone`."""
    client.call(Layout(root), _SERVICE, "CreateZone", {"ZoneName": name})


def remove(name: str, *, root: Root = DEFAULT) -> None:
    """Remove a zone in which nothing is."""
    client.call(Layout(root), _SERVICE, "DeleteZone", {"ZoneName": name})
