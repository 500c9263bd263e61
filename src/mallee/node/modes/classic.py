"""The part of a host's network that is there in a mode other than `vpc`: legs on the switch, and
the gateway's namespace.

Called by `do/network`, which excludes callers from each other and gives the order. What is to stand
is decided by `legs`, `switches` and `gateways`.
"""

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.modes import ModeWanted
from mallee.node.do.network import links, namespaces, vpcs
from mallee.node.do.network.standing import Standing
from mallee.node.gateways import fence
from mallee.node.modes import gateways, legs, rules, switches, switching
from mallee.node.modes.announcing import Announcer, Place
from mallee.node.modes.legs import Leg, Legs
from mallee.node.modes.switches import Port
from mallee.node.plan.network import nft
from mallee.node.plan.network.links import Seen


@dataclass(frozen=True, slots=True)
class _Planned:
    """What was planned last for the gateway: of thousands of blocks, that takes a while."""

    mode: ModeWanted
    legs: tuple[Leg, ...]
    rules: nft.Ruleset


class Classic:
    """The legs and the gateway of one cloud on this host."""

    def __init__(self, layout: Layout, kept: namespaces.Kept) -> None:
        """Touches nothing yet."""
        self._layout = layout
        self._kept = kept
        self._switching = switching.Switching(layout)
        self._announcer = Announcer()
        self._gateway: Standing | None = None
        self._planned: _Planned | None = None
        self._guarding = threading.Lock()
        """Guards the rules of the gateway's namespace: the fence is renewed while they are set."""
        self._is_fenced = True
        """Whether a fence may stand there; True as long as it is not known."""

    def plug(self, wanted: HostWanted) -> tuple[dict[str, Legs], list[str]]:
        """Make the legs of all namespaces, which are there, and plug them into the switch.

        Returns the legs of each VPC, and what there is to say.
        """
        mode = wanted.mode
        if mode is None:
            self._remove_gateway()
            self._switching.apply(None)
            return {}, []
        problems: list[str] = []
        if gateways.is_gateway(wanted):
            problems += self._ensure_gateway(wanted)
        else:
            self._remove_gateway()
        planned = {vpc.id: legs.of_vpc(self._layout, vpc.id, mode) for vpc in wanted.vpcs}
        problems += self._switching.apply(
            switches.Wanted(
                self._layout.tag, mode.switch, mode.device, tuple(self._ports(wanted, planned))
            )
        )
        mtu = self._switching.mtu()
        return {id: replace(one, mtu=mtu) for id, one in planned.items()}, problems

    def _ensure_gateway(self, wanted: HostWanted) -> list[str]:
        name = gateways.namespace(self._layout)
        is_new = not namespaces.exists(name)
        problem = self._kept.ensure(name)
        if is_new and wanted.gateway is not None and wanted.gateway.standby_id:
            # Where another host can lead, this one begins when it is known to be its turn.
            self.guard(0.0)
        return [] if problem is None else [problem]

    def guard(self, held_s: float) -> None:
        """Have the gateway lead from block to block for so long from now on (`gateways.fence`).

        Waits for nothing else of the network. Raises `process.Failed`.
        """
        name = gateways.namespace(self._layout)
        is_endless = held_s == math.inf
        if (is_endless and not self._is_fenced) or not namespaces.exists(name):
            return
        text = fence.within(self._layout, held_s)
        with self._guarding:
            namespaces.run_inside(name, partial(fence.load, text))
            if self._gateway is not None:
                self._gateway.excuse()
        self._is_fenced = not is_endless

    def excuse(self, name: str) -> None:
        """Know of a transaction that was made in a namespace and taken back."""
        if self._gateway is not None and name == gateways.namespace(self._layout):
            self._gateway.excuse()

    def _ports(self, wanted: HostWanted, planned: dict[str, Legs]) -> Iterator[Port]:
        for id, those in planned.items():
            namespace = self._layout.vpc_namespace(id)
            yield from (_port(leg, namespace) for leg in those.legs)
        if wanted.mode is not None and gateways.is_gateway(wanted):
            namespace = gateways.namespace(self._layout)
            for leg in self._plan(wanted.mode).legs:
                yield _port(leg, namespace)

    def settle(self, vpc: VpcWanted, those: Legs, seen: Seen) -> None:
        """Say on the wire which guests have come here; `seen` is what stands in the namespace.

        A leg that is not there is made anew with the next `plug`.
        """
        for leg in those.legs:
            if leg.device not in seen.indices:
                self._switching.lose(leg.port)
        namespace = self._layout.vpc_namespace(vpc.id)
        self._announcer.announce(namespace, self._places(vpc, those, seen))

    def _places(self, vpc: VpcWanted, those: Legs, seen: Seen) -> Iterator[Place]:
        for one in vpc.interfaces:
            if self._layout.tap(one.id) not in seen.indices:
                continue
            for ip in rules.ips(one):
                found = legs.leg_of(those, ip)
                if found is not None and found[0].device in seen.indices:
                    device = found[0].device
                    yield Place(device, seen.indices[device], ip)

    def lead(self, wanted: HostWanted) -> list[str]:
        """Set the gateway's namespace, where this host is the gateway."""
        mode = wanted.mode
        if mode is None or not gateways.is_gateway(wanted):
            return []
        name = gateways.namespace(self._layout)
        try:
            return namespaces.run_inside(name, partial(self._lead_inside, wanted, mode))
        except (process.Failed, process.TimedOut, OSError, ValueError) as error:
            return [f"the gateway between blocks could not be set: {error}"]

    def _lead_inside(self, wanted: HostWanted, mode: ModeWanted) -> list[str]:
        name = gateways.namespace(self._layout)
        standing = self._gateway = self._gateway or Standing(name)
        links.apply_switches(
            vpcs.ROUTER_SWITCHES | vpcs.ipv6_switches(is_on=False) | gateways.SWITCHES
        )
        with self._guarding:
            problems = standing.load(self._plan(mode).rules)
        seen = standing.look()
        problems += standing.wire(gateways.wiring(self._layout, wanted, mode, seen))
        links.apply_switches(vpcs.FORWARDING)
        places: list[Place] = []
        for leg in self._plan(mode).legs:
            index = seen.indices.get(leg.device)
            if index is None:
                self._switching.lose(leg.port)
            else:
                places += [Place(leg.device, index, block.router) for block in leg.blocks]
        self._announcer.announce(name, places)
        return problems

    def _plan(self, mode: ModeWanted) -> _Planned:
        """Return what follows from the mode alone: the same gives the same."""
        if self._planned is None or self._planned.mode is not mode:
            those = gateways.own_legs(self._layout, mode)
            self._planned = _Planned(mode, those, gateways.ruleset(self._layout, mode))
        return self._planned

    def _remove_gateway(self) -> None:
        name = gateways.namespace(self._layout)
        if self._gateway is not None:
            self._gateway.close()
            self._gateway = None
        if namespaces.exists(name):
            self._kept.remove(name)

    def destroy(self) -> None:
        """Take everything out of the host; its namespaces are removed by the caller."""
        self._switching.destroy()
        self._announcer.forget()
        if self._gateway is not None:
            self._gateway.close()
            self._gateway = None


def _port(leg: Leg, namespace: str) -> Port:
    return Port(leg.port, leg.vlan, namespace, leg.device, leg.mac)
