"""Service-linked roles: those that a service of the cloud makes for itself, by name and meaning.

Which services have one is the table `LINKED`; its trust and its policy are the service's to choose
and nobody else's to change. Deleting one is over when it is answered; a task id only says so again,
so none is kept: it proves by itself that it was given to the account. Called through the
action table. Not its business: all other roles (`roles`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, roles
from mallee.cloud.identity import managedpolicies
from mallee.cloud.state import records
from mallee.model.identity import identities
from mallee.model.identity.identities import Role

NAMING = frozenset({"CreateServiceLinkedRole", "GetServiceLinkedRoleDeletionStatus"})
"""Actions whose role is named by something else than RoleName."""

_TASK_PARTS = 5
_CHANCE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Linked:
    """A service with a role of its own."""

    role: str
    policy: str
    """Name of the managed policy that says what the role may do."""
    takes_suffix: bool = False
    """Whether an account may have several, told apart by a suffix."""


LINKED: Mapping[str, Linked] = {
    "autoscaling.amazonaws.com": Linked(
        "AWSServiceRoleForAutoScaling", "AutoScalingServiceRolePolicy", takes_suffix=True
    ),
    "elasticloadbalancing.amazonaws.com": Linked(
        "AWSServiceRoleForElasticLoadBalancing", "AWSElasticLoadBalancingServiceRolePolicy"
    ),
}
"""By the service's name, as a trust policy has it."""


def create(call: WriteCall, request: Request) -> Result:
    """Make the role of a service."""
    service: str = request["AWSServiceName"]
    linked = LINKED.get(service)
    if linked is None:
        raise errors.InvalidInput(f"{service} has no service-linked role in this cloud.")
    suffix: str | None = request.get("CustomSuffix")
    if suffix is not None and not linked.takes_suffix:
        raise errors.InvalidInput(f"Custom suffix is not allowed for {service}")
    name = _name(service, suffix)
    if entities.find_or_none(call, records.ROLE, name) is not None:
        raise errors.InvalidInput(
            f"Service role name {name} has been taken in this account, please try a different "
            "suffix."
        )
    role = Role(
        id=entities.new_id(call, records.ROLE),
        name=name,
        path=_path(service),
        created_at=call.tx.now,
        description=request.get("Description"),
        trust=_trust(service),
        attached=(f"{managedpolicies.AWS}{managedpolicies.SERVICE_PATH[1:]}{linked.policy}",),
    )
    return {"Role": roles.render(call, roles.insert(call, role))}


def delete(call: WriteCall, request: Request) -> Result:
    """Remove the role of a service, which uses it for nothing any more."""
    role = roles.named(call, request["RoleName"])
    if not role.doc.path.startswith(roles.LINKED_PATH):
        raise errors.NoSuchEntity("service-linked role", role.doc.name)
    roles.remove(call, role)
    service = role.doc.path.removeprefix(roles.LINKED_PATH).rstrip("/")
    chance = call.entropy(_CHANCE_BYTES).hex()
    return {"DeletionTaskId": _task(call.account, service, role.doc.name, chance)}


def get_deletion_status(call: Call, request: Request) -> Result:
    """Say what became of a deletion: it was done before its task was told."""
    task: str = request["DeletionTaskId"]
    parts = task.split("/")
    if len(parts) == _TASK_PARTS:
        _, _, service, name, proof = parts
        if _task(call.account, service, name, proof.partition("-")[0]) == task:
            return {"Status": "SUCCEEDED"}
    raise errors.NoSuchEntity("deletion task", task)


def find_arns(call: Call, asked: Request) -> tuple[str, ...]:
    """Return the ARN of the role that a request of `NAMING` is about."""
    if "AWSServiceName" in asked:
        service: str = asked["AWSServiceName"]
        name = _name(service, asked.get("CustomSuffix")) if service in LINKED else "*"
    else:
        parts: list[str] = asked["DeletionTaskId"].split("/")
        if len(parts) != _TASK_PARTS:
            return ("*",)
        _, _, service, name, _ = parts
    return (identities.arn(call.account, "role", _path(service), name),)


def _name(service: str, suffix: str | None) -> str:
    name = LINKED[service].role
    return f"{name}_{suffix}" if suffix else name


def _path(service: str) -> str:
    return f"{roles.LINKED_PATH}{service}/"


def _trust(service: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _task(account: str, service: str, name: str, chance: str) -> str:
    told = f"{account} {service} {name} {chance}"
    proof = hashlib.sha256(told.encode()).hexdigest()
    tail = f"{proof[:4]}-{proof[4:8]}-{proof[8:12]}-{proof[12:24]}"
    return f"task{roles.LINKED_PATH}{service}/{name}/{chance}-{tail}"


def _row(name: str, does: Write | Read, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


ACTIONS: tuple[Action, ...] = (
    _row(
        "CreateServiceLinkedRole",
        Write(handle=create),
        *("AWSServiceName", "Description", "CustomSuffix"),
    ),
    _row("DeleteServiceLinkedRole", Write(handle=delete), "RoleName"),
    _row("GetServiceLinkedRoleDeletionStatus", Read(handle=get_deletion_status), "DeletionTaskId"),
)
