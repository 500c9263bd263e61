"""`mallee types list|create|change|remove|reset`: what instances may be launched as."""

from typing import Any

from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"
_HEADS = ("type", "vcpus", "memory MiB", "disk GiB", "network Mbps", "burstable", "state")


def list_types(*, root: Root = DEFAULT) -> None:
    """List all types, and presets that were removed."""
    found = client.call(Layout(root), _SERVICE, "ListInstanceTypes")["InstanceTypes"]
    words.table(
        _HEADS,
        [_row(each) for each in found],
    )


def create(
    name: str,
    vcpus: int,
    memory_mib: int,
    *,
    disk_gib: int | None = None,
    network_mbps: int | None = None,
    burstable: bool = False,
    root: Root = DEFAULT,
) -> None:
    """Make a type.

    Parameters
    ----------
    name
        Such as `lab.small`: a family, a dot, a size.
    vcpus
        Virtual processors.
    memory_mib
        Memory in MiB.
    disk_gib
        The smallest root disk; 8 when it is left out.
    network_mbps
        How many megabits per second each interface sends, and receives; 0, or left out: no limit.
    burstable
        Show it as one that may burst, as t2 and t3 are.
    """
    sizes = {
        "Vcpus": vcpus,
        "MemoryMib": memory_mib,
        "DiskGib": disk_gib,
        "NetworkMbps": network_mbps,
    }
    asked = {"TypeName": name, "IsBurstable": burstable, **_given(sizes)}
    _tell(client.call(Layout(root), _SERVICE, "CreateInstanceType", asked))


def change(
    name: str,
    *,
    vcpus: int | None = None,
    memory_mib: int | None = None,
    disk_gib: int | None = None,
    network_mbps: int | None = None,
    root: Root = DEFAULT,
) -> None:
    """Change what instances of a type get from their next launch on; those there stay as they are.

    Parameters
    ----------
    name
        The type.
    vcpus
        Virtual processors.
    memory_mib
        Memory in MiB.
    disk_gib
        The smallest root disk.
    network_mbps
        How many megabits per second each interface sends, and receives; 0: no limit.
    """
    sizes = {
        "Vcpus": vcpus,
        "MemoryMib": memory_mib,
        "DiskGib": disk_gib,
        "NetworkMbps": network_mbps,
    }
    asked = {"TypeName": name, **_given(sizes)}
    _tell(client.call(Layout(root), _SERVICE, "ModifyInstanceType", asked))


def remove(name: str, *, root: Root = DEFAULT) -> None:
    """Let nothing be launched as that type any more; what runs with it goes on."""
    client.call(Layout(root), _SERVICE, "DeleteInstanceType", {"TypeName": name})


def reset(name: str, *, root: Root = DEFAULT) -> None:
    """Make a preset again what it was."""
    _tell(client.call(Layout(root), _SERVICE, "ResetInstanceType", {"TypeName": name}))


def _given(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value is not None}


def _tell(answer: dict[str, Any]) -> None:
    words.table(
        _HEADS,
        [_row(answer["InstanceType"])],
    )


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    return (
        each["TypeName"],
        str(each["Vcpus"]),
        str(each["MemoryMib"]),
        str(each["DiskGib"]),
        str(each["NetworkMbps"] or "no limit"),
        "yes" if each["IsBurstable"] else "no",
        each["State"],
    )
