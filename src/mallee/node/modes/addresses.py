"""How this host's guests come by addresses of the administrator's LAN, and are alone with them.

Part of the reconciler: it tells what is wanted, waits with a guest that has no address, asks before
a tap is plugged and reports what was leased. In `vpc` and the managed modes all of it is nothing.
Leases are `leasekeeper`'s business, duplicates `duplicates`'.
"""

import asyncio
from collections.abc import Callable

import msgspec

from mallee.model.compute.instances import InstanceSeen, Reason
from mallee.model.hosts.hosts import HostWanted, InterfaceWanted
from mallee.model.network.modes import ModeWanted
from mallee.node.do.network import uplink
from mallee.node.host import Host
from mallee.node.modes import duplicates, fitting, leasekeeper


class Addresses:
    """The addresses of one host's guests. Lives in the agent's loop."""

    def __init__(
        self, host: Host, news: Callable[[str], None], is_elsewhere: Callable[[str], bool]
    ) -> None:
        """`news` is called with the id of an instance to look at."""
        self._host = host
        self._fitting = fitting.Fitting()
        self._leases = leasekeeper.LeaseKeeper(host.layout, host.clock, news, is_elsewhere)
        self._mode: ModeWanted | None = None
        self.run = self._leases.run

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences of guests whose addresses are not theirs any more."""
        return self._leases.problems

    def want(self, wanted: HostWanted) -> None:
        """Have this looked after."""
        self._mode = wanted.mode
        self._leases.want(wanted)

    def fitted(self, wanted: HostWanted) -> HostWanted:
        """Return what is wanted of the network, with what the LAN says; blocks."""
        is_lan = wanted.mode is not None and wanted.mode.kind in fitting.LANS
        resolvers = uplink.fetch_resolvers() if is_lan else ()
        return self._fitting.fitted(wanted, self._leases.leases(), resolvers)

    def failure(self, instance_id: str) -> Reason | None:
        """Return why a guest cannot have an address; None: it may get one yet."""
        return self._leases.failure(instance_id)

    def joined(self, instance_id: str, seen: InstanceSeen) -> InstanceSeen:
        """Return what is seen with what was leased."""
        leases = self._leases.seen(instance_id)
        return msgspec.structs.replace(seen, leases=leases) if leases else seen

    async def check_free(self, interface: InterfaceWanted) -> None:
        """Raise `duplicates.AddressTaken` when a machine of the LAN has a guest's address."""
        mode = self._mode
        if mode is None or mode.kind != "static":
            return
        who = await asyncio.to_thread(duplicates.find, mode.device, interface.private_ip)
        if who:
            raise duplicates.AddressTaken(
                f"{interface.private_ip} is in use on the LAN: {who}; take it out of "
                "network.classic.addresses, or off that machine"
            )
