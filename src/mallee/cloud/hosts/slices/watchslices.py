"""The part of a host's slice about watching: flow logs, and traffic mirror sessions.

Called by `networkslices` for each VPC. It follows from what is wanted alone.
"""

from collections.abc import Iterable, Iterator

from mallee.cloud.ec2 import zones
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.store import View
from mallee.model.network import mirroring
from mallee.model.network.mirroring import MirrorFilter, MirrorRule
from mallee.model.network.networks import Interface
from mallee.model.network.watching import FlowLogWanted, MirrorRuleWanted, MirrorWanted

SHOWN = (
    records.FLOW_LOG,
    records.MIRROR_FILTER,
    records.MIRROR_RULE,
    records.MIRROR_TARGET,
    records.MIRROR_SESSION,
)
"""The kinds whose documents it shows."""

InterfaceRecord = Record[Interface, None]


def flow_logs(
    view: View, vpc_id: str, interfaces: Iterable[InterfaceRecord], region: str
) -> Iterator[FlowLogWanted]:
    """Yield the logs that watch interfaces of one VPC: those that a host carries, and the cloud's
    own, which stand on every host that carries the VPC."""
    watched: dict[str, dict[str, str]] = {}
    """By log and interface: the id of its zone."""
    own = [one for one in view.by(records.INTERFACE, "vpc", vpc_id) if one.doc.requester]
    for one in (*interfaces, *own):
        for resource_id in (one.id, one.doc.subnet_id, one.doc.vpc_id):
            for log in view.by(records.FLOW_LOG, "resource", resource_id):
                # Of an interface lent to another account its owner's logs tell nothing.
                if log.account == one.account:
                    watched.setdefault(log.id, {})[one.id] = _zone_id(view, one, region)
    for id in sorted(watched):
        log = view.get(records.FLOW_LOG, id)
        if log is not None:
            by_interface = watched[id]
            # The host's own guests come first: they are all in its zone.
            zone_id = next(iter(by_interface.values()))
            yield FlowLogWanted(
                id=id,
                account_id=log.account,
                zone_id=zone_id,
                interface_ids=tuple(sorted(by_interface)),
                traffic=log.doc.traffic,
                fields=log.doc.fields,
                other_zone_ids={id: it for id, it in by_interface.items() if it != zone_id},
            )


def _zone_id(view: View, interface: InterfaceRecord, region: str) -> str:
    subnet = view.get(records.SUBNET, interface.doc.subnet_id)
    return "" if subnet is None else zones.id_of(subnet.doc.zone, region)


def mirrors(view: View, interfaces: Iterable[InterfaceRecord]) -> Iterator[MirrorWanted]:
    """Yield the sessions between interfaces of one VPC, which a host carries."""
    here = {one.id for one in interfaces}
    sessions = [
        session for id in here for session in view.by(records.MIRROR_SESSION, "interface", id)
    ]
    for session in sorted(sessions, key=lambda one: one.id):
        target = view.get(records.MIRROR_TARGET, session.doc.target_id)
        found = view.get(records.MIRROR_FILTER, session.doc.filter_id)
        if target is None or found is None or target.doc.interface_id not in here:
            continue
        yield MirrorWanted(
            id=session.id,
            interface_id=session.doc.interface_id,
            target_interface_id=target.doc.interface_id,
            number=session.doc.number,
            vni=session.doc.vni,
            ingress=tuple(_rules(view, found, is_egress=False)),
            egress=tuple(_rules(view, found, is_egress=True)),
            copies_dns=mirroring.DNS in found.doc.services,
        )


def _rules(
    view: View, found: Record[MirrorFilter, None], *, is_egress: bool
) -> Iterator[MirrorRuleWanted]:
    held = view.by(records.MIRROR_RULE, "filter", found.id)
    for rule in sorted(held, key=lambda one: one.doc.number):
        if rule.doc.is_egress is is_egress:
            yield _rule(rule.doc)


def _rule(rule: MirrorRule) -> MirrorRuleWanted:
    sources, destinations = rule.source_ports, rule.destination_ports
    return MirrorRuleWanted(
        is_accepted=rule.is_accepted,
        source=rule.source,
        destination=rule.destination,
        protocol=rule.protocol or 0,
        source_ports=(sources.first, sources.last) if sources else None,
        destination_ports=(destinations.first, destinations.last) if destinations else None,
    )
