"""The network of a host: sets everything that instances' packets pass through, whole.

Called by the agent's reconciler from a worker thread, never from its event loop: every method
blocks (tens of milliseconds) and they exclude each other. What is to stand is decided by
`node/plan/network`; here it is compared with what stands and put right.
Guests are not its business: a tap that vanished under a running guest is only reported.

Invariants: 1. The host's safety net stands before any link of ours. 2. A namespace forwards
nothing before its firewall stands (`vpcs`). 3. What stands is looked at in every `apply`, not
remembered.
"""

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from msgspec import structs

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted, InterfaceWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import Way
from mallee.node.do.network import (
    conversations,
    dhcp,
    firewall,
    links,
    namespaces,
    neighbours,
    probes,
    taps,
    transitgateways,
    uplink,
    vpcs,
)
from mallee.node.do.network.standing import Standing
from mallee.node.gateways import announcing, fence
from mallee.node.metadata import endpoints, service
from mallee.node.modes import classic, gateways
from mallee.node.plan.network import conversations as conversations_plan
from mallee.node.plan.network import dhcp as dhcp_plan
from mallee.node.plan.network import firewall as firewall_plan
from mallee.node.plan.network import network as plan
from mallee.node.plan.network import whereabouts
from mallee.node.plan.network.conversations import Conversation
from mallee.node.plan.network.probes import Seen, Sending

Tap = taps.Tap


class NotWanted(Exception):
    """The interface is not part of what was applied last; apply the newer generation first."""


class Network:
    """The network of one cloud on this host."""

    def __init__(self, layout: Layout, metadata: service.Service | None = None) -> None:
        """Touches nothing yet; without `metadata` no metadata is served (tests)."""
        self._layout = layout
        self._metadata = metadata
        self._lock = threading.RLock()
        self._births = threading.Lock()
        """Guards the hypervisor's namespace alone: a tap is born while the network is applied."""
        self._kept = namespaces.Kept()
        self._vpcs = vpcs.Vpcs(layout, self._kept)
        self._transit_gateways = transitgateways.TransitGateways(layout, self._kept)
        self._classic = classic.Classic(layout, self._kept)
        self._host = Standing("the host")
        self._edge = Standing(layout.edge_namespace)
        self._told: HostWanted | None = None
        """What the cloud wants; `_wanted` is the same with guests where they are."""
        self._wanted: HostWanted | None = None
        self.places: Callable[[], whereabouts.Places] = dict
        """Says which guests are elsewhere than the cloud says; set before the first `apply`."""
        self._closed_chains: tuple[str, ...] = ()
        self.answered: announcing.Answered = frozenset()
        """For which public addresses the host answers on which wires to the world."""

    def apply(self, wanted: HostWanted) -> tuple[str, ...]:
        """Make the host's network what is wanted; called twice = once.

        Returns sentences: what had been changed by others and was put right, and what cannot be
        put right with its cure. Raises `process.Failed` when the host or the edge refuses its
        plan; a VPC that does is only reported, the others go on.
        """
        with self._lock:
            self._told = wanted
            wanted = whereabouts.placed(wanted, self.places())
            changed_first = _changed_first(self._wanted, wanted)
            self._wanted = wanted
            host = self._host.look()
            found = plan.read_host(self._layout, wanted, host)
            if not uplink.may_forward6():
                found = replace(found, uplinks6=())
            world = firewall_plan.World(
                _resolvers(wanted),
                uplink.only_we_forward(self._layout, found.uplinks),
                uplink.only_we_forward6(),
                found.near,
            )
            # What leads to instances in the host's own network is no concern of ranges.
            problems = [] if wanted.mode else list(found.taken.values())
            problems += _some(self._kept.ensure(self._layout.edge_namespace))
            problems += self._vpcs.ensure(wanted, host)
            self._vpcs.legs, said = self._classic.plug(wanted)
            problems += said
            problems += self._transit_gateways.ensure(wanted)
            with self._births:
                problems += _some(self._kept.ensure(self._layout.hypervisor_namespace))
            problems += self._apply_host(wanted, found, world)
            self.answered = plan.answered(wanted, found)
            announcing.apply(self._layout, self.answered)
            # The edge's rules need not wait for its links: they stand before packets come.
            edge = self._layout.edge_namespace
            ruleset = firewall_plan.edge_ruleset(wanted, world)
            problems += namespaces.run_inside(edge, partial(self._edge.load, ruleset))
            for vpc in changed_first:
                problems += self._try_vpc(vpc)
            problems += self._transit_gateways.apply(wanted)
            problems += self._classic.lead(wanted)
            problems += namespaces.run_inside(edge, partial(self._wire_edge, wanted, found))
            problems += self._serve_metadata()
            return tuple(problems)

    def create_tap(self, interface: InterfaceWanted) -> str:
        """Make the interface's tap anew in the hypervisor namespace; return its name.

        A tap of that name that exists anywhere in this cloud is removed first.
        """
        name = self._layout.tap(interface.id)
        if self._vpcs.is_plugged(name) or any(tap.name == name for tap in self.taps()):
            self.unplug(interface.id)
        # A new tap is nobody's yet, so a launch need not wait until the network is applied.
        with self._births:
            self._kept.ensure(self._layout.hypervisor_namespace)
            taps.create(self._layout, name)
        return name

    def forget(self, interface: InterfaceWanted) -> None:
        """Know nothing of what was spoken with who had an interface's addresses before its guest:
        it would pass, whatever the guest's groups say. Called before it is plugged, and of one that
        is plugged nothing is forgotten. Raises `NotWanted` and `OSError`."""
        namespace = self._layout.vpc_namespace(self._vpc_of(interface).id)
        if self._layout.tap(interface.id) not in taps.fetch_names(namespace):
            own = conversations_plan.own_addresses(interface)
            conversations.forget(namespace, {*own, *interface.prefixes})

    def plug(self, interface: InterfaceWanted) -> None:
        """Move the tap to its VPC and make it speak; called while the guest is paused.

        When it returns the firewall, DHCP and metadata of the interface stand. Doing it twice does
        nothing more. Raises `NotWanted`, or `process.Failed` when there is no tap.
        """
        with self._lock:
            self._place()
            vpc = self._vpc_of(interface)
            name = self._layout.tap(interface.id)
            namespace = self._layout.vpc_namespace(vpc.id)
            if name not in taps.fetch_names(namespace):
                taps.move(taps.Tap(name, self._layout.hypervisor_namespace), namespace)
            self._apply_vpc(vpc)
            self._serve_metadata()

    def unplug(self, interface_id: str) -> None:
        """Remove the interface's tap, wherever it is; nothing happens when there is none."""
        with self._lock:
            name = self._layout.tap(interface_id)
            self._vpcs.forget_tap(name)
            taps.remove(self._layout, name)

    def follow(self) -> None:
        """Lead to guests where they are by now (`places`); twice is once. What cannot be set is
        reported by the next `apply`."""
        with self._lock:
            before = {vpc.id: vpc for vpc in self._wanted.vpcs} if self._wanted else {}
            self._place()
            for vpc in self._wanted.vpcs if self._wanted else ():
                if vpc is not before.get(vpc.id):
                    self._try_vpc(vpc)
            self._serve_metadata()

    def _place(self) -> None:
        """Want guests where they are."""
        if self._told is None or self._wanted is None:
            return
        now = whereabouts.placed(self._told, self.places())
        if now is self._wanted:
            return
        vpcs = {vpc.id: vpc for vpc in self._wanted.vpcs}
        # One that is as before stays the same value.
        kept = (vpcs[vpc.id] if vpcs.get(vpc.id) == vpc else vpc for vpc in now.vpcs)
        self._wanted = structs.replace(now, vpcs=tuple(kept))

    def taps(self) -> tuple[Tap, ...]:
        """Fetch which taps of this cloud exist, sorted by name."""
        return taps.fetch(self._layout)

    def answering(self, interfaces: tuple[InterfaceWanted, ...]) -> frozenset[str]:
        """Return the ids of the interfaces on which a guest answers; waits for no other method."""
        return neighbours.answering(
            neighbours.Neighbour(
                id=one.id,
                namespace=self._layout.vpc_namespace(one.vpc_id),
                tap=self._layout.tap(one.id),
                mac=one.mac,
                ip=one.private_ip,
            )
            for one in interfaces
        )

    def conversations(self, interface: InterfaceWanted) -> tuple[Conversation, ...]:
        """Return what an interface's guest speaks of with whom, as it goes along with it.

        Raises `OSError`; waits for no other method.
        """
        namespace = self._layout.vpc_namespace(interface.vpc_id)
        own = conversations_plan.own_addresses(interface)
        return conversations_plan.told(conversations.fetch(namespace, own))

    def adopt(self, interface: InterfaceWanted, those: Sequence[Conversation]) -> None:
        """Know an interface's guest that was on another host, with its conversations; twice is
        once. Raises `NotWanted`, and `OSError` or `process.Failed` where the kernel cannot."""
        vpc, tap = self._vpc_of(interface), self._layout.tap(interface.id)
        adopted = conversations_plan.adopted(vpc, interface, those)
        namespace, own = self._layout.vpc_namespace(vpc.id), conversations_plan.own_addresses
        conversations.write(namespace, adopted)
        neighbours.introduce(namespace, tap, interface.mac, own(interface))

    def probe(self, sending: Sending) -> Seen:
        """Send a probe and watch it; nothing of the network is changed meanwhile.

        Raises `process.Failed` and `OSError` where the kernel cannot.
        """
        with self._lock:
            seen = Seen()
            try:
                probes.send(sending, seen)
            finally:
                for name in seen.loaded:
                    self._vpcs.excuse(name)
                    self._transit_gateways.excuse(name)
                    self._classic.excuse(name)
                    if name == self._edge.name:
                        self._edge.excuse()
            return seen

    def guard(self, held_s: float) -> None:
        """Have the gateway between blocks lead for so long; waits for no other method.

        Raises `process.Failed`.
        """
        self._classic.guard(held_s)

    def destroy(self) -> None:
        """Remove every namespace, link, route, table and dnsmasq of this cloud on this host."""
        with self._lock:
            if self._metadata is not None:
                self._metadata.apply(())
            for vpc_id in dhcp.fetch_served(self._layout):
                dhcp.remove(self._layout, vpc_id)
            shutil.rmtree(self._layout.node / "dhcp", ignore_errors=True)
            announcing.apply(self._layout, frozenset())
            fence.remove(self._layout)
            uplink.restore(self._layout)
            self._classic.destroy()
            links.apply_batch(plan.plan_host_removal(self._layout, links.fetch()))
            firewall.remove(firewall_plan.host_table(self._layout))
            for name in namespaces.names(f"mallee-{self._layout.tag}-"):
                self._kept.remove(name)
            self._vpcs.clear()
            self._transit_gateways.clear()
            for one in (self._host, self._edge):
                one.close()
            self._host, self._edge = Standing("the host"), Standing(self._layout.edge_namespace)
            self._told = self._wanted = None

    def _vpc_of(self, interface: InterfaceWanted) -> VpcWanted:
        vpcs = self._wanted.vpcs if self._wanted else ()
        for vpc in vpcs:
            if any(one.id == interface.id for one in vpc.interfaces):
                return vpc
        raise NotWanted(f"{interface.id} is not among the interfaces that were applied last")

    def _apply_host(
        self, wanted: HostWanted, found: plan.HostFound, world: firewall_plan.World
    ) -> list[str]:
        """The host's own namespace: the safety net, one link, one table."""
        before = self._host
        problems = self._load_host(firewall_plan.host_text(self._layout, wanted, found, world))
        wiring = plan.host_wiring(self._layout, wanted, found)
        link = f"net/ipv6/conf/{self._layout.host_link}"
        if found.ipv6_range is not None:
            links.apply_switches({f"{link}/addr_gen_mode": "1", f"{link}/disable_ipv6": "0"})
        if links.apply(wiring, before.seen) and before.wiring == wiring:
            problems.append("the host's link or routes had been changed; they are right again")
        before.wiring = wiring
        if wiring.devices:
            if found.ipv6_range is None:
                links.apply_switches({f"{link}/disable_ipv6": "1"})
            if wanted.egress and found.uplinks6:
                uplink.open_forwarding6(self._layout, found.uplinks6)
            if wanted.egress and found.uplinks:
                uplink.open_forwarding(self._layout, found.uplinks)
                problems += [
                    f"the host's nftables chain {chain} drops what it does not know, guests' way "
                    f"to the world too; accept packets from and to {self._layout.host_link} in it"
                    for chain in self._closed_chains
                ]
        return problems

    def _load_host(self, text: str) -> list[str]:
        """Others have tables on the host too: their transactions count, but only ours matters."""
        before = self._host
        table = firewall_plan.host_table(self._layout)
        is_changed = firewall.fetch_generation() != before.generation
        if is_changed:
            self._closed_chains = firewall.fetch_closed_chains()
        is_gone = is_changed and not firewall.has_table(table)
        was_set = before.text != ""
        if before.text != text or is_gone:
            before.text, before.generation = text, firewall.apply(text)
        elif is_changed:
            before.generation = firewall.fetch_generation()
        if was_set and is_gone:
            return [f"the host's nftables table {table} had been removed; it stands again"]
        return []

    def _try_vpc(self, vpc: VpcWanted) -> list[str]:
        try:
            return self._apply_vpc(vpc)
        except (process.Failed, process.TimedOut, OSError, ValueError) as error:
            return [f"the network of {vpc.id} could not be set: {error}"]

    def _apply_vpc(self, vpc: VpcWanted) -> list[str]:
        assert self._wanted is not None
        problems = self._vpcs.apply(vpc)
        legs = self._vpcs.legs.get(vpc.id)
        if legs is not None:
            self._classic.settle(vpc, legs, self._vpcs.seen(vpc.id))
        served = dhcp_plan.Served(
            region=self._wanted.region,
            public_range=self._wanted.public_range,
            user=dhcp.unprivileged_user(),
            resolvers=_resolvers(self._wanted) if self._wanted.egress else (),
            mtu=self._vpcs.mtu(vpc.id),
            legs=legs,
        )
        return [*problems, *dhcp.apply(self._layout, vpc, served)]

    def _wire_edge(self, wanted: HostWanted, found: plan.HostFound) -> list[str]:
        has_ipv6 = any(vpc.ipv6_cidrs for vpc in wanted.vpcs) and links.has_ipv6()
        links.apply_switches(vpcs.ROUTER_SWITCHES | vpcs.ipv6_switches(is_on=has_ipv6))
        seen = self._edge.look()
        wiring = gateways.with_edge(plan.edge_wiring(wanted, found, seen), wanted, seen)
        problems = self._edge.wire(wiring)
        links.apply_switches(vpcs.FORWARDING)
        return problems

    def _serve_metadata(self) -> list[str]:
        """Let the metadata service listen on exactly the taps that were seen last, and behind the
        endpoints."""
        if self._metadata is None or self._wanted is None:
            return []
        instances = {instance.id: instance for instance in self._wanted.instances}
        listeners: list[service.Listener] = []
        for vpc in self._wanted.vpcs:
            namespace = self._layout.vpc_namespace(vpc.id)
            seen, led = self._vpcs.seen(vpc.id), dict(_led(vpc))
            for interface in vpc.interfaces:
                tap = self._layout.tap(interface.id)
                instance = instances.get(interface.instance_id)
                if tap in seen.indices and instance is not None:
                    asks6 = instance.metadata_options.http_protocol_ipv6 == "enabled"
                    has_ipv6 = asks6 and ("lo", f"{plan.METADATA_ADDRESS6}/128") in seen.address6s
                    place = service.Place(namespace, tap, seen.indices[tap], has_ipv6)
                    ways = led.get(interface.subnet_id, ())
                    listeners.append(service.Listener(place, instance, ways))
        doors = endpoints.listeners(self._layout, self._wanted.vpcs)
        return [*self._metadata.apply(listeners), *self._metadata.apply_endpoints(doors)]


def _led(vpc: VpcWanted) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """Yield each subnet with the ranges that gateway endpoints lead it to."""
    tables = {table.id: table.routes for table in vpc.route_tables}
    for subnet in vpc.subnets:
        routes = tables.get(subnet.route_table_id, ())
        yield (
            subnet.id,
            tuple((one.cidr, one.target_id) for one in routes if one.way is Way.ENDPOINT),
        )


def _changed_first(before: HostWanted | None, wanted: HostWanted) -> list[VpcWanted]:
    """The VPCs in the order of how long their users shall wait for a change."""
    known = {vpc.id: vpc for vpc in before.vpcs} if before else {}
    return sorted(wanted.vpcs, key=lambda vpc: known.get(vpc.id) == vpc)


def _resolvers(wanted: HostWanted) -> tuple[str, ...]:
    """The name servers that are asked for names outside the cloud."""
    named = wanted.mode.name_servers if wanted.mode else ()
    return tuple(sorted(named)) or uplink.fetch_resolvers()


def _some(problem: str | None) -> list[str]:
    return [] if problem is None else [problem]
