"""The namespaces of transit gateways on this host: made, set whole, looked after, removed.

Called by `network`, which excludes callers from each other and gives the order: all namespaces,
then the VPCs, whose ends of the links are made first, then what is here. What is to stand is
decided by `node/plan/network/transit`.

Invariant: a namespace forwards nothing before its rules stand.
"""

from functools import partial

from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import TransitGatewayWanted
from mallee.node.do.network import links, namespaces, vpcs
from mallee.node.do.network.standing import Standing
from mallee.node.plan.network import links as plan
from mallee.node.plan.network import transit


class TransitGateways:
    """The transit gateways of one cloud on this host."""

    def __init__(self, layout: Layout, kept: namespaces.Kept) -> None:
        """Touches nothing yet."""
        self._layout = layout
        self._kept = kept
        self._set: dict[str, Standing] = {}

    def ensure(self, wanted: HostWanted) -> list[str]:
        """Make all namespaces, so that links to them can be made; remove those unwanted."""
        keep = [self._layout.transit_namespace(one.id) for one in wanted.transit_gateways]
        prefix = self._layout.transit_namespace("tgw-")
        for name in sorted(namespaces.names(prefix) - frozenset(keep)):
            standing = self._set.pop(name, None)
            if standing is not None:
                standing.close()
            self._kept.remove(name)
        problems = (self._kept.ensure(name) for name in keep)
        return [problem for problem in problems if problem is not None]

    def apply(self, wanted: HostWanted) -> list[str]:
        """Set each namespace; the VPCs' ends of the links stand."""
        carried = vpcs.carried(wanted)
        problems: list[str] = []
        for gateway in wanted.transit_gateways:
            name = self._layout.transit_namespace(gateway.id)
            inside = partial(self._apply_inside, name, gateway, carried)
            problems += namespaces.run_inside(name, inside)
        return problems

    def excuse(self, name: str) -> None:
        """Know of a transaction that was made in a namespace and taken back."""
        if name in self._set:
            self._set[name].excuse()

    def clear(self) -> None:
        """Know nothing any more."""
        for one in self._set.values():
            one.close()
        self._set.clear()

    def _apply_inside(
        self, name: str, gateway: TransitGatewayWanted, carried: frozenset[str]
    ) -> list[str]:
        has_ipv6 = links.has_ipv6()
        standing = self._set.setdefault(name, Standing(name))
        links.apply_switches(vpcs.ROUTER_SWITCHES | transit.SWITCHES)
        problems = standing.load(transit.ruleset(self._layout, gateway))
        links.apply_switches(vpcs.ipv6_switches(is_on=has_ipv6))
        wiring = transit.wiring(self._layout, gateway, standing.look(), carried)
        problems += standing.wire(wiring if has_ipv6 else plan.without_ipv6(wiring))
        links.apply_switches(vpcs.FORWARDING)
        return problems
