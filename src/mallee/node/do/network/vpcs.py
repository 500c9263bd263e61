"""The namespaces of VPCs, of their NAT gateways and their endpoints: made, set whole, looked
after, removed.

Called by `network`, which excludes callers from each other and gives the order. What is to stand
is decided by `node/plan/network/{vpcfirewall,routing,natgateways,endpoints}`.

Invariant: a namespace forwards nothing before its firewall stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import EndpointWanted, NatGatewayWanted
from mallee.node.do.network import conversations, dhcp, links, namespaces, overlays, taps, wakeups
from mallee.node.do.network.standing import Standing
from mallee.node.modes import switches, ways
from mallee.node.modes.legs import Legs
from mallee.node.plan.network import (
    bygone,
    endpoints,
    groups,
    mirrors,
    natgateways,
    network,
    nft,
    overlay,
    routing,
    shaping,
    vpcfirewall,
)
from mallee.node.plan.network.links import Seen, Wiring

ROUTER_SWITCHES = {
    "net/ipv4/conf/all/rp_filter": "1",
    "net/ipv4/conf/all/accept_redirects": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    # Which IPv6 addresses a router of ours has, is said by its wiring alone.
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/all/accept_redirects": "0",
    "net/ipv6/conf/all/addr_gen_mode": "1",
    "net/ipv6/conf/default/addr_gen_mode": "1",
}
FORWARDING = {"net/ipv4/ip_forward": "1"}
_VPC_SWITCHES = ROUTER_SWITCHES | {
    # A VPC answers for every address that it has a route to, and asks for a guest's MAC with the
    # gateway's address.
    "net/ipv4/conf/all/proxy_arp": "1",
    "net/ipv4/conf/all/arp_announce": "2",
    # The firewall knows senders by device, MAC and address; routes differ by the sender's subnet.
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    # A guest that comes back has gone on speaking: what it acknowledges need not have passed here.
    "net/netfilter/nf_conntrack_tcp_be_liberal": "1",
}


def ipv6_switches(*, is_on: bool) -> dict[str, str]:
    """The switches of a namespace with IPv6, or without."""
    is_off = "0" if is_on else "1"
    return {
        "net/ipv6/conf/all/disable_ipv6": is_off,
        "net/ipv6/conf/default/disable_ipv6": is_off,
    } | ({"net/ipv6/conf/all/forwarding": "1"} if is_on else {})


@dataclass(frozen=True, slots=True)
class _Planned:
    """What was planned last for a VPC, and of what it followed: the same gives the same."""

    vpc: VpcWanted
    near: routing.Near
    seen: Seen
    rules: nft.Ruleset
    legs: Legs | None


class Vpcs:
    """The VPCs of one cloud on this host."""

    def __init__(self, layout: Layout, kept: namespaces.Kept) -> None:
        """Touches nothing yet."""
        self._layout = layout
        self._kept = kept
        self._cut: set[str] = set()
        self._set: dict[str, Standing] = {}
        self._made: dict[str, groups.Made] = {}
        self._planned: dict[str, _Planned] = {}
        self._plugged: set[str] = set()
        self._worlds: dict[str, tuple[VpcWanted, bygone.World]] = {}
        """By namespace: for what no bygone conversation was left when it was looked last."""
        self._wakeups = wakeups.Wakeups(layout)
        self._carried: frozenset[str] = frozenset()
        self._overlays = overlays.Overlays()
        self._devices: dict[str, overlay.Device] = {}
        """By id of the VPC."""
        self.legs: Mapping[str, Legs] = {}
        """Those of each VPC by its id, in a mode other than `vpc`; set before `apply`."""
        self._nears: dict[str, tuple[VpcWanted, VpcWanted]] = {}
        """By id of the VPC: as it is told, and without what is on other hosts."""

    def seen(self, vpc_id: str) -> Seen:
        """What stood in a VPC's namespace when it was looked at last."""
        standing = self._set.get(self._layout.vpc_namespace(vpc_id))
        return standing.seen if standing else Seen()

    def excuse(self, name: str) -> None:
        """Know of a transaction that was made in a namespace and taken back."""
        if name in self._set:
            self._set[name].excuse()

    def is_plugged(self, tap: str) -> bool:
        """Whether the tap was seen in its VPC."""
        return tap in self._plugged

    def forget_tap(self, tap: str) -> None:
        """Expect the tap no more."""
        self._plugged.discard(tap)

    def ensure(self, wanted: HostWanted, host: Seen) -> list[str]:
        """Make all namespaces, so that links between them can be made; remove those unwanted.

        `host` is what stands in the host's own namespace.
        """
        problems = self._remove_unwanted(wanted)
        self._carried = carried(wanted)
        # Where it has legs, a VPC reaches other hosts by them.
        self._devices, fault = ({}, "") if wanted.mode else overlay.devices(wanted, host)
        problems += [fault] if fault else []
        for name in _names(self._layout, wanted):
            problem = self._kept.ensure(name)
            problems += [] if problem is None else [problem]
        return problems

    def apply(self, vpc: VpcWanted) -> list[str]:
        """Set a VPC's namespace and those of its NAT gateways and endpoints; they exist."""
        name = self._layout.vpc_namespace(vpc.id)
        vpc = self._near(vpc)
        hosts, problems = self._lead_to_others(name, vpc)
        mtu = min((device.mtu for device in self._devices.values()), default=None)
        near = routing.Near(self._carried, hosts, mtu)
        problems += namespaces.run_inside(name, partial(self._apply_inside, name, vpc, near))
        for gateway in vpc.nat_gateways:
            name = self._layout.nat_namespace(gateway.id)
            inside = partial(self._apply_inside_gateway, name, vpc, gateway)
            problems += namespaces.run_inside(name, inside)
        for endpoint in vpc.endpoints:
            name = self._layout.endpoint_namespace(endpoint.interface_id)
            inside = partial(self._apply_inside_endpoint, name, vpc, endpoint)
            problems += namespaces.run_inside(name, inside)
        return problems

    def _near(self, vpc: VpcWanted) -> VpcWanted:
        """Return the VPC as its namespace is to know it: with legs, other hosts are neighbours."""
        if vpc.id not in self.legs or not vpc.far:
            return vpc
        known = self._nears.get(vpc.id)
        if known is None or known[0] is not vpc:
            known = self._nears[vpc.id] = (vpc, replace(vpc, far=(), gateway_host_id=""))
        return known[1]

    def clear(self) -> None:
        """Know nothing any more."""
        for one in self._set.values():
            one.close()
        self._set.clear()
        self._made.clear()
        self._planned.clear()
        self._plugged.clear()
        self._worlds.clear()
        self._wakeups.clear()
        self._overlays.clear()

    def mtu(self, vpc_id: str) -> int | None:
        """Return how long packets to other hosts may be; None: the VPC leads to none."""
        device, legs = self._devices.get(vpc_id), self.legs.get(vpc_id)
        if legs is not None:
            return legs.mtu if legs.mtu < switches.MTU_MAX else None
        return device.mtu if device else None

    def _lead_to_others(
        self, name: str, vpc: VpcWanted
    ) -> tuple[tuple[overlay.FarHost, ...], list[str]]:
        """Make the VPC's device between hosts; return the hosts that it leads to."""
        device = self._devices.get(vpc.id)
        if device is None:
            self._overlays.forget(name)
            return (), []
        standing = self._set.setdefault(name, Standing(name))
        try:
            return device.hosts, self._overlays.apply(standing, device)
        except process.Failed as error:
            return (), [
                f"{vpc.id} ends at this host: {error}; the kernel needs vxlan, and UDP port "
                f"{overlay.PORT} must be free of networks of another kind"
            ]

    def _apply_inside(self, name: str, vpc: VpcWanted, near: routing.Near) -> list[str]:
        has_ipv6 = bool(vpc.ipv6_cidrs) and links.has_ipv6()
        legs = self.legs.get(vpc.id)
        standing = self._set.setdefault(name, Standing(name))
        before = self._planned.pop(name, None)
        links.apply_switches(_VPC_SWITCHES)
        if before is not None and before.vpc is vpc and before.legs == legs:
            rules = before.rules
        else:
            made = self._made.setdefault(name, groups.Made())
            rules = vpcfirewall.ruleset(self._layout, vpc, made, legs)
        problems = self._load(vpc, standing, rules)
        links.apply_switches(ipv6_switches(is_on=has_ipv6))
        seen = standing.look()
        now = _Planned(vpc, near, seen, rules, legs)
        if before is None or not _is_same(before, now):
            problems += standing.wire(self._wiring(now))
        self._planned[name] = now
        links.apply_switches(FORWARDING)
        problems += self._end_bygone(name, vpc, legs)
        self._wakeups.send(name, vpc)
        problems += self._shape(vpc, standing)
        gone = {self._layout.tap(one.id): one.id for one in vpc.interfaces}
        present = gone.keys() & seen.indices.keys()
        # By default the kernel waits up to 0.8 s before it answers for another's address.
        wide = {leg.device for leg in legs.legs} & seen.indices.keys() if legs else set[str]()
        for device in present | wide:
            links.apply_switches({f"net/ipv4/neigh/{device}/proxy_delay": "0"})
        problems += [
            f"the tap {tap} of {gone[tap]} has been removed under its guest; the guest has no "
            "network until it is started again"
            for tap in sorted(self._plugged & gone.keys() - present)
        ]
        self._plugged |= present
        return problems

    def _end_bygone(self, name: str, vpc: VpcWanted, legs: Legs | None) -> list[str]:
        """End what cannot go on as it did with the world, by the rules and routes that stand."""
        known = self._worlds.get(name)
        if known is not None and known[0] is vpc:
            return []
        now = bygone.world(vpc, legs)
        touched = bygone.touched(known[1] if known is not None else None, now)
        try:
            if known is not None and legs is None:
                self._wakeups.note(name, known[0], vpc)
            conversations.end_bygone(now, touched)
        except OSError as error:
            self._worlds.pop(name, None)
            return [f"conversations of {vpc.id} with the world may not go on: {error}"]
        self._worlds[name] = vpc, now
        return []

    def _wiring(self, now: _Planned) -> Wiring:
        if now.legs is not None:
            return ways.wiring(self._layout, now.vpc, now.legs, now.seen)
        return routing.vpc_wiring(self._layout, now.vpc, now.seen, now.near)

    def _load(self, vpc: VpcWanted, standing: Standing, rules: nft.Ruleset) -> list[str]:
        """Load the firewall, and what copies packets; a kernel that cannot copy has the former."""
        seen = standing.look()
        was_there = any(one.family == "netdev" for one in standing.rules)
        if not (vpc.mirrors or was_there or any(map(mirrors.is_device, seen.indices))):
            return standing.load(rules)
        those = mirrors.sessions(self._layout, vpc)
        try:
            self._make_limiters(vpc, standing)
            links.apply_batch(mirrors.plan_devices(those, seen))
            links.apply_switches(mirrors.switches(those, seen) if links.has_ipv6() else {})
            links.apply_batch(mirrors.plan_raising(those, seen))
            copying = mirrors.table(self._layout, vpc, standing.look())
            return standing.load((*rules, copying))
        except process.Failed as error:
            return [
                *standing.load(rules),
                f"packets of {vpc.id} are not copied: {error}; the kernel needs vxlan and "
                "nft_dup_netdev, nft_fwd_netdev, and hooks of nftables at both sides of a device",
            ]

    def _shape(self, vpc: VpcWanted, standing: Standing) -> list[str]:
        """Limit speeds; a kernel that cannot is no reason to have no network."""
        turned = mirrors.turned_aside(standing.rules)
        try:
            self._make_limiters(vpc, standing)
            wanted = shaping.plan_shaping(self._layout, vpc, standing.look(), turned)
            standing.shape(wanted, shaping.aside(self._layout, vpc))
        except process.Failed as error:
            return [
                f"interfaces of {vpc.id} send and receive without limit: {error}; the kernel needs "
                "ifb, sch_tbf, sch_ingress, cls_u32 and act_mirred"
            ]
        return []

    def _make_limiters(self, vpc: VpcWanted, standing: Standing) -> None:
        """Make the devices with buckets that packets are turned aside to."""
        missing = sorted(
            other
            for tap, other in shaping.aside(self._layout, vpc).items()
            if tap in standing.seen.indices and other not in standing.seen.indices
        )
        links.apply_batch(tuple(f"link {do}" for name in missing for do in shaping.making(name)))

    def _apply_inside_gateway(
        self, name: str, vpc: VpcWanted, gateway: NatGatewayWanted
    ) -> list[str]:
        standing = self._set.setdefault(name, Standing(name))
        problems = standing.load(natgateways.ruleset(gateway))
        problems += standing.wire(natgateways.wiring(vpc, gateway, standing.look()))
        links.apply_switches(natgateways.SWITCHES)
        return problems

    def _apply_inside_endpoint(
        self, name: str, vpc: VpcWanted, endpoint: EndpointWanted
    ) -> list[str]:
        standing = self._set.setdefault(name, Standing(name))
        problems = standing.load(endpoints.ruleset(endpoint))
        has_ipv6 = bool(endpoint.ipv6s) and links.has_ipv6()
        links.apply_switches(endpoints.SWITCHES | ipv6_switches(is_on=has_ipv6))
        links.apply_switches({"net/ipv6/conf/all/forwarding": "0"} if has_ipv6 else {})
        problems += standing.wire(endpoints.wiring(vpc, endpoint, standing.look()))
        return problems

    def _remove_unwanted(self, wanted: HostWanted) -> list[str]:
        """Remove namespaces that are wanted no more; a VPC that has taps is cut off instead.

        A guest that ends, or has gone to another host, keeps its tap for a moment: that is a
        problem only when it is found at two looks.
        """
        problems: list[str] = []
        cut: set[str] = set()
        keep = set(_names(self._layout, wanted))
        servants = namespaces.names(self._layout.nat_namespace("nat-"))
        servants |= namespaces.names(self._layout.endpoint_namespace(""))
        for name in sorted(servants - keep):
            self._forget(name)
            self._kept.remove(name)
        prefix = self._layout.vpc_namespace("vpc-")
        for name in sorted(namespaces.names(prefix) - keep):
            dhcp.remove(self._layout, name.removeprefix(prefix.removesuffix("vpc-")))
            left = taps.fetch_names(name)
            seen = namespaces.run_inside(name, links.fetch)
            ways = (network.EDGE, overlay.DEVICE)
            lines = [f"link delete {way}" for way in ways if way in seen.indices]
            lines += [f"link set {tap} down" for tap in left if tap in seen.up]
            namespaces.run_inside(name, partial(links.apply_batch, tuple(lines)))
            self._forget(name)
            if not left:
                self._kept.remove(name)
                continue
            cut.add(name)
            if name in self._cut:
                problems.append(
                    f"{name} is wanted no more but has taps: {', '.join(left)}; cut off"
                )
        self._cut = cut
        return problems

    def _forget(self, name: str) -> None:
        self._made.pop(name, None)
        self._nears.pop(name.removeprefix(self._layout.vpc_namespace("")), None)
        self._overlays.forget(name)
        self._planned.pop(name, None)
        self._worlds.pop(name, None)
        self._wakeups.forget(name)
        standing = self._set.pop(name, None)
        if standing is not None:
            standing.close()


def carried(wanted: HostWanted) -> frozenset[str]:
    """Return the ids of the VPCs and transit gateways that the host carries."""
    return frozenset(one.id for one in (*wanted.vpcs, *wanted.transit_gateways))


def _is_same(before: _Planned, now: _Planned) -> bool:
    """Whether links and routes follow from the very same as before: then nothing is to be done."""
    is_alike = before.vpc is now.vpc and before.seen is now.seen
    return is_alike and (before.near, before.legs) == (now.near, now.legs)


def _names(layout: Layout, wanted: HostWanted) -> list[str]:
    vpcs = [layout.vpc_namespace(vpc.id) for vpc in wanted.vpcs]
    gateways = [layout.nat_namespace(one.id) for vpc in wanted.vpcs for one in vpc.nat_gateways]
    doors = [
        layout.endpoint_namespace(one.interface_id) for vpc in wanted.vpcs for one in vpc.endpoints
    ]
    return vpcs + gateways + doors
