"""What many hosts are told of a VPC is kept once.

A VPC of fifty instances is told to fifty hosts, each time with the same subnets, tables, lists and
groups; with a thousand hosts the copies would be most of the process's memory. Called by `slices`
for what it has computed. Pure but for what it remembers.
"""

from msgspec.structs import replace

from mallee.model.hosts.hosts import VpcWanted

_OWN = frozenset({"interfaces", "far"})
"""What each host has for itself."""


class Alike:
    """The VPCs as they were told last, to whichever host."""

    def __init__(self) -> None:
        self._last: dict[str, VpcWanted] = {}

    def shared(self, vpc: VpcWanted) -> VpcWanted:
        """Return the VPC with the parts of the one told last, as far as they are equal."""
        last = self._last.get(vpc.id)
        self._last[vpc.id] = vpc
        if last is None:
            return vpc
        names = frozenset(vpc.__struct_fields__) - _OWN
        same = {name: held for name in names if (held := getattr(last, name)) == getattr(vpc, name)}
        vpc = self._last[vpc.id] = replace(vpc, **same)
        return vpc

    def forget(self, vpc_id: str) -> None:
        """Forget a VPC that is gone."""
        self._last.pop(vpc_id, None)
