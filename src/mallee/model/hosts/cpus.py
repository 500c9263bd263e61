"""Processors of hosts, and the model that guests see so that all hosts of a zone can carry them.

Where hosts are alike, guests see what their host has. Where they differ, guests see the best of the
named models that every one of them can show, and so can be moved between any two. Pure.
"""

from collections.abc import Collection

import msgspec


class Cpu(msgspec.Struct, frozen=True, gc=False):
    """What a host can show its guests as a processor, by the virtualisation that it has."""

    own: str
    """Its own, as a fingerprint: hosts with the same are alike."""
    models: dict[str, int] = {}
    """The named models that it can show wholly, and how many features each has."""


def baseline(hosts: Collection[Cpu]) -> str:
    """Return the model that guests shall see; empty: their host's own, for all are alike, or have
    nothing in common."""
    if len({cpu.own for cpu in hosts}) < 2:
        return ""
    common = set[str].intersection(*(set(cpu.models) for cpu in hosts))
    least = {name: min(cpu.models[name] for cpu in hosts) for name in common}
    return max(sorted(least), key=lambda name: least[name], default="")


def may_go_on(model: str, began_on: Cpu, other: Cpu) -> bool:
    """Tell whether a guest that sees a model, and began on one host, may go on on another."""
    return model in other.models if model else began_on.own == other.own
