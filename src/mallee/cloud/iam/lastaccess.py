"""The access advisor: which services somebody may use, and when he last did.

A report is made whole when it is asked for and kept for a day, a hundred of them per account. May
use means that a policy allows an action of the service at all, whatever its conditions. When
is what the cloud noted of every signed request (`lastuse`), refused ones too, as AWS counts.
Called through the action table.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import grants
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.uses import AccessReport, EntityAccess, ServiceAccess, Use

KEPT_S = 86_400.0
KEPT_MAX = 100
_ACTIONS = "ACTION_LEVEL"

SERVICES = {
    "cloudtrail": "AWS CloudTrail",
    "ebs": "Amazon Elastic Block Store",
    "ec2": "Amazon EC2",
    "iam": "AWS Identity and Access Management",
    "kms": "AWS Key Management Service",
    "mallee": "Mallee",
    "sts": "AWS Security Token Service",
}
"""What there is to use, and how a reader calls it."""


def generate(call: WriteCall, request: Request) -> Result:
    """Make a report about a user, group, role or policy."""
    thing = grants.find(call, request["Arn"])
    people = grants.people(call, thing)
    has_actions = request.get("Granularity") == _ACTIONS
    found = [
        replace(
            _access(call, service, people),
            actions=grants.actions(call, thing, service) if has_actions else (),
        )
        for service, sources in grants.sources(call, thing, SERVICES).items()
        if sources
    ]
    report = AccessReport(
        arn=request["Arn"], has_actions=has_actions, created_at=call.now, services=tuple(found)
    )
    _make_room(call)
    id = str(uuid.UUID(bytes=call.entropy(16), version=4))
    call.tx.insert(records.ACCESS_REPORT, call.account, id, report)
    return {"JobId": id}


def _access(call: WriteCall, service: str, people: Sequence[grants.Person]) -> ServiceAccess:
    """Return who of the people used a service, and when somebody last did."""
    uses = [(one, call.uses.of(call.view, one.id).services.get(service)) for one in people]
    used = [(one, use) for one, use in uses if use is not None]
    latest = max(used, key=lambda pair: pair[1].at, default=None)
    return ServiceAccess(
        service=service,
        use=_joined([use for _, use in used]),
        entity_arn=_arn(latest[0]) if latest else None,
        entities=tuple(_entity(one, use) for one, use in uses),
    )


def _joined(uses: Sequence[Use]) -> Use | None:
    """Return the uses of several people as one."""
    if not uses:
        return None
    latest = max(uses, key=lambda use: use.at)
    actions: dict[str, float] = {}
    for use in uses:
        for name, at in use.actions.items():
            actions[name] = max(at, actions.get(name, 0.0))
    return Use(at=latest.at, region=latest.region, actions=actions)


def _entity(person: grants.Person, use: Use | None) -> EntityAccess:
    doc = person.doc
    return EntityAccess(
        id=person.id,
        arn=_arn(person),
        kind=person.kind.name.upper(),
        name=doc.name,
        path=doc.path,
        at=use.at if use else None,
    )


def _arn(person: grants.Person) -> str:
    return grants.arn(person)


def _make_room(call: WriteCall) -> None:
    """Forget reports that are old, and the oldest when there are many."""
    present = sorted(
        call.tx.list(records.ACCESS_REPORT, call.account), key=lambda one: one.doc.created_at
    )
    for number, report in enumerate(present):
        is_old = report.doc.created_at <= call.now - KEPT_S
        if is_old or len(present) - number >= KEPT_MAX:
            call.tx.delete(report)


def _report(call: Call, request: Request) -> AccessReport:
    record: Record[AccessReport, None] | None = call.view.get(
        records.ACCESS_REPORT, request["JobId"]
    )
    if record is None or record.account != call.account:
        raise errors.NoSuchJob(request["JobId"])
    return record.doc


def _head(call: Call, request: Request) -> Result:
    report = _report(call, request)
    return {
        "JobStatus": "COMPLETED",
        "JobCreationDate": report.created_at,
        "JobCompletionDate": report.created_at,
    }


def _head_with_type(call: Call, request: Request) -> Result:
    has_actions = _report(call, request).has_actions
    return {**_head(call, request), "JobType": _ACTIONS if has_actions else "SERVICE_LEVEL"}


def _find_services(call: Call, request: Request) -> list[tuple[AccessReport, ServiceAccess]]:
    report = _report(call, request)
    return [(report, one) for one in report.services]


def _render_service(_call: Call, item: tuple[AccessReport, ServiceAccess]) -> dict[str, Any]:
    report, access = item
    use = access.use
    return {
        "ServiceName": SERVICES.get(access.service, access.service),
        "ServiceNamespace": access.service,
        "LastAuthenticated": use.at if use else None,
        "LastAuthenticatedEntity": access.entity_arn,
        "LastAuthenticatedRegion": use.region if use else None,
        "TotalAuthenticatedEntities": sum(one.at is not None for one in access.entities),
        "TrackedActionsLastAccessed": (
            list(_render_actions(access)) if report.has_actions else None
        ),
    }


def _render_actions(access: ServiceAccess) -> Iterator[dict[str, Any]]:
    """Yield the actions that may be used, and those that were when they still might."""
    use = access.use
    used: Mapping[str, float] = use.actions if use else {}
    users = [one.arn for one in access.entities if one.at is not None]
    for name in sorted({*access.actions, *used}):
        if use is None or name not in used:
            yield {"ActionName": name}
            continue
        yield {
            "ActionName": name,
            # Of several who used the service, it is not known who did this.
            "LastAccessedEntity": users[0] if len(users) == 1 else None,
            "LastAccessedTime": used[name],
            "LastAccessedRegion": use.region,
        }


def _find_entities(call: Call, request: Request) -> list[EntityAccess]:
    namespace: str = request["ServiceNamespace"]
    for access in _report(call, request).services:
        if access.service == namespace:
            return list(access.entities)
    raise errors.InvalidInput(f"Invalid service namespace: {namespace}")


def _render_entity(_call: Call, entity: EntityAccess) -> dict[str, Any]:
    info = {
        "Arn": entity.arn,
        "Name": entity.name,
        "Type": entity.kind,
        "Id": entity.id,
        "Path": entity.path,
    }
    return {"EntityInfo": info, "LastAuthenticated": entity.at}


def list_granting(call: Call, request: Request) -> Result:
    """List the policies that let somebody use services; all on one page."""
    thing = grants.find(call, request["Arn"])
    if thing.kind is records.POLICY:
        raise errors.InvalidInput("Arn must be of a user, group or role.")
    found = grants.sources(call, thing, request["ServiceNamespaces"])
    return {
        "IsTruncated": False,
        "PoliciesGrantingServiceAccess": [
            {
                "ServiceNamespace": service,
                "Policies": [_render_source(one) for one in found[service]],
            }
            for service in request["ServiceNamespaces"]
        ],
    }


def _render_source(source: grants.Source) -> dict[str, Any]:
    if source.policy_arn is not None:
        name = source.policy_arn.rpartition("/")[2]
        return {"PolicyName": name, "PolicyType": "MANAGED", "PolicyArn": source.policy_arn}
    return {
        "PolicyName": source.name,
        "PolicyType": "INLINE",
        "EntityType": source.holder.kind.name.upper(),
        "EntityName": source.holder.doc.name,
    }


def _about(call: Call, request: Request) -> tuple[str, ...]:
    return (request["Arn"],)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="iam",
        name="GenerateServiceLastAccessedDetails",
        does=Write(handle=generate),
        honours=frozenset({"Arn", "Granularity"}),
        resources=_about,
    ),
    Action(
        service="iam",
        name="GetServiceLastAccessedDetails",
        does=Pages(
            find=_find_services,
            render=_render_service,
            member="ServicesLastAccessed",
            key=lambda item: item[1].service,
            head=_head_with_type,
        ),
        honours=frozenset({"JobId"}),
    ),
    Action(
        service="iam",
        name="GetServiceLastAccessedDetailsWithEntities",
        does=Pages(
            find=_find_entities,
            render=_render_entity,
            member="EntityDetailsList",
            key=lambda entity: entity.id,
            head=_head,
        ),
        honours=frozenset({"JobId", "ServiceNamespace"}),
    ),
    Action(
        service="iam",
        name="ListPoliciesGrantingServiceAccess",
        does=Read(handle=list_granting),
        # Everything fits one page, so there is no Marker to come back with.
        honours=frozenset({"Arn", "ServiceNamespaces"}),
        resources=_about,
        is_weighing=True,
    ),
)
