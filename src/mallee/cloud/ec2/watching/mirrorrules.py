"""Rules of traffic mirror filters: which packets are copied, the lowest number first.

Called through the action table, and by `mirrorfilters` to show them. Hosts carry them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.mirroring import MirrorRule, PortRange

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_DIRECTION = 10
MAX_NUMBER = 32766
_PROTOCOL_MAX = 255
_PORT_MAX = 65535
_WITH_PORTS = (6, 17)
_REMOVED: Mapping[str, Mapping[str, Any]] = {
    "destination-port-range": {"destination_ports": None},
    "source-port-range": {"source_ports": None},
    "protocol": {"protocol": None},
    "description": {"description": ""},
}

RuleRecord = Record[MirrorRule, None]


def create_rule(
    call: WriteCall, request: shapes.CreateTrafficMirrorFilterRuleRequest
) -> shapes.CreateTrafficMirrorFilterRuleResult:
    """Give a filter a rule."""
    found = resources.one(call, records.MIRROR_FILTER, request["TrafficMirrorFilterId"])
    empty = MirrorRule(
        id=ids.make("tmfr", call.entropy(ids.ID_BYTES)),
        filter_id=found.id,
        is_egress=False,
        number=0,
        is_accepted=False,
        source="",
        destination="",
        tags=tagset.of_new(request, records.MIRROR_RULE.name),
    )
    made = _checked(call, _changed(empty, request))
    record = call.tx.insert(records.MIRROR_RULE, call.account, made.id, made)
    return {
        "TrafficMirrorFilterRule": render(call, record),
        "ClientToken": request.get("ClientToken"),
    }


def modify_rule(
    call: WriteCall, request: shapes.ModifyTrafficMirrorFilterRuleRequest
) -> shapes.ModifyTrafficMirrorFilterRuleResult:
    """Change a rule; it stays in its filter."""
    record = resources.one(call, records.MIRROR_RULE, request["TrafficMirrorFilterRuleId"])
    doc = record.doc
    for field in request.get("RemoveFields") or ():
        doc = replace(doc, **_REMOVED[field])
    doc = _checked(call, _changed(doc, request))
    return {"TrafficMirrorFilterRule": render(call, call.tx.write(record, doc))}


def delete_rule(
    call: WriteCall, request: shapes.DeleteTrafficMirrorFilterRuleRequest
) -> shapes.DeleteTrafficMirrorFilterRuleResult:
    """Take a rule out of its filter."""
    record = resources.one(call, records.MIRROR_RULE, request["TrafficMirrorFilterRuleId"])
    call.tx.delete(record)
    return {"TrafficMirrorFilterRuleId": record.id}


def _changed(doc: MirrorRule, request: Request) -> MirrorRule:
    """Return the rule with what a request says of it."""
    changes: dict[str, Any] = {}
    if "TrafficDirection" in request:
        changes["is_egress"] = request["TrafficDirection"] == "egress"
    if "RuleNumber" in request:
        changes["number"] = request["RuleNumber"]
    if "RuleAction" in request:
        changes["is_accepted"] = request["RuleAction"] == "accept"
    if "Protocol" in request:
        changes["protocol"] = request["Protocol"]
    for member, name in (("SourceCidrBlock", "source"), ("DestinationCidrBlock", "destination")):
        if member in request:
            changes[name] = _range(request[member], member)
    for member in ("SourcePortRange", "DestinationPortRange"):
        if member in request:
            name = "source_ports" if member.startswith("S") else "destination_ports"
            changes[name] = _ports(request[member], member)
    if "Description" in request:
        changes["description"] = request.get("Description", "")
    return replace(doc, **changes)


def _range(text: str, member: str) -> str:
    try:
        # A zone (`fe80::%…/64`) is no part of a range, and may be any text.
        return str(ip_network(text.replace("%", " ")))
    except ValueError as error:
        raise errors.InvalidParameterValue(
            f"Value ({text[:64]}) for parameter {member} is invalid. This is not a valid CIDR "
            "block."
        ) from error


def _ports(given: Mapping[str, int], member: str) -> PortRange:
    first, last = given.get("FromPort"), given.get("ToPort")
    if first is None or last is None or not 0 <= first <= last <= _PORT_MAX:
        raise errors.InvalidParameterValue(
            f"Value ({first}-{last}) for parameter {member} is invalid. Ports range from 0 to "
            f"{_PORT_MAX}, the first is not above the last."
        )
    return PortRange(first, last)


def _checked(call: WriteCall, doc: MirrorRule) -> MirrorRule:
    """Return the rule if it is one, and its filter has room for it."""
    if not 1 <= doc.number <= MAX_NUMBER:
        raise errors.InvalidParameterValue(
            f"Value ({doc.number}) for parameter RuleNumber is invalid. It ranges from 1 to "
            f"{MAX_NUMBER}."
        )
    if doc.protocol is not None and not 0 <= doc.protocol <= _PROTOCOL_MAX:
        raise errors.InvalidParameterValue(
            f"Value ({doc.protocol}) for parameter Protocol is invalid. It ranges from 0 to "
            f"{_PROTOCOL_MAX}."
        )
    if (":" in doc.source) is not (":" in doc.destination):
        raise errors.InvalidParameterCombination(
            "SourceCidrBlock and DestinationCidrBlock must be of the same address family."
        )
    if (doc.source_ports or doc.destination_ports) and doc.protocol not in _WITH_PORTS:
        raise errors.InvalidParameterCombination("Only rules for protocol 6 or 17 have ports.")
    others = [
        one.doc
        for one in call.tx.by(records.MIRROR_RULE, "filter", doc.filter_id)
        if one.id != doc.id and one.doc.is_egress is doc.is_egress
    ]
    if any(one.number == doc.number for one in others):
        raise errors.TrafficMirrorFilterRuleAlreadyExists(doc.number)
    if len(others) >= MAX_PER_DIRECTION:
        raise errors.TrafficMirrorLimitExceeded("rules for one direction", MAX_PER_DIRECTION)
    return doc


# --- shown ---


def _find(
    call: Call, request: shapes.DescribeTrafficMirrorFilterRulesRequest
) -> Iterable[RuleRecord]:
    asked: list[str] = request.get("TrafficMirrorFilterRuleIds") or []
    if asked:
        found = resources.several(call, records.MIRROR_RULE, asked)
    else:
        found = sorted(call.view.list(records.MIRROR_RULE, call.account), key=lambda it: it.id)
    if "TrafficMirrorFilterId" not in request:
        return found
    inside = resources.one(call, records.MIRROR_FILTER, request["TrafficMirrorFilterId"])
    return [one for one in found if one.doc.filter_id == inside.id]


def render(call: Call, record: RuleRecord) -> shapes.TrafficMirrorFilterRule:
    """Return a rule as it is shown."""
    doc = record.doc
    return {
        "TrafficMirrorFilterRuleId": record.id,
        "TrafficMirrorFilterId": doc.filter_id,
        "TrafficDirection": _direction(doc),
        "RuleNumber": doc.number,
        "RuleAction": _action(doc),
        "Protocol": doc.protocol,
        "DestinationPortRange": _shown(doc.destination_ports),
        "SourcePortRange": _shown(doc.source_ports),
        "DestinationCidrBlock": doc.destination,
        "SourceCidrBlock": doc.source,
        "Description": doc.description or None,
        "Tags": tagset.shown(doc.tags),
    }


def _direction(doc: MirrorRule) -> str:
    return "egress" if doc.is_egress else "ingress"


def _action(doc: MirrorRule) -> str:
    return "accept" if doc.is_accepted else "reject"


def _shown(ports: PortRange | None) -> Any:
    return None if ports is None else {"FromPort": ports.first, "ToPort": ports.last}


_SAYS = (
    "TrafficDirection",
    "RuleNumber",
    "RuleAction",
    "DestinationPortRange",
    "SourcePortRange",
    "Protocol",
    "DestinationCidrBlock",
    "SourceCidrBlock",
    "Description",
)

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTrafficMirrorFilterRule",
        does=Write(handle=create_rule),
        honours=frozenset({"TrafficMirrorFilterId", *_SAYS}),
        creates=(records.MIRROR_RULE.name,),
    ),
    Action(
        service="ec2",
        name="ModifyTrafficMirrorFilterRule",
        does=Write(handle=modify_rule),
        honours=frozenset({"TrafficMirrorFilterRuleId", "RemoveFields", *_SAYS}),
    ),
    Action(
        service="ec2",
        name="DeleteTrafficMirrorFilterRule",
        does=Write(handle=delete_rule),
        honours=frozenset({"TrafficMirrorFilterRuleId"}),
    ),
    Action(
        service="ec2",
        name="DescribeTrafficMirrorFilterRules",
        does=Listing(
            find=_find,
            render=render,
            member="TrafficMirrorFilterRules",
            filters={
                "description": lambda call, it: (it.doc.description,),
                "destination-cidr-block": lambda call, it: (it.doc.destination,),
                "protocol": lambda call, it: (
                    () if it.doc.protocol is None else (str(it.doc.protocol),)
                ),
                "rule-action": lambda call, it: (_action(it.doc),),
                "rule-number": lambda call, it: (str(it.doc.number),),
                "source-cidr-block": lambda call, it: (it.doc.source,),
                "traffic-direction": lambda call, it: (_direction(it.doc),),
                "traffic-mirror-filter-id": lambda call, it: (it.doc.filter_id,),
                "traffic-mirror-filter-rule-id": lambda call, it: (it.id,),
            },
            tags=lambda it: it.doc.tags,
            max_results=(5, 1000),
        ),
        honours=frozenset({"TrafficMirrorFilterRuleIds", "TrafficMirrorFilterId"}),
    ),
)
