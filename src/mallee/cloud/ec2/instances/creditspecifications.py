"""CPU credits of burstable types: nobody is throttled here, so all of them are `unlimited`.

Called through the action table. `standard` would promise that an instance is slowed down when its
credits are used up; nothing here does that, and so it is refused rather than written down.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud import instancetypes
from mallee.cloud.action import Action, Listing, Read, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.instances import power
from mallee.cloud.ec2.instances.launchoptions import NOT_THROTTLED, STANDARD, UNLIMITED
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.state import records
from mallee.model.compute import instancetypes as presets
from mallee.model.compute.instances import State

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

NOT_SUPPORTED = "InstanceCreditSpecification.NotSupported"


def modify_credits(
    call: WriteCall, request: shapes.ModifyInstanceCreditSpecificationRequest
) -> shapes.ModifyInstanceCreditSpecificationResult:
    """Take `unlimited` for burstable instances; tell of each other one why not."""
    well: list[shapes.SuccessfulInstanceCreditSpecificationItem] = []
    badly: list[shapes.UnsuccessfulInstanceCreditSpecificationItem] = []
    for each in request["InstanceCreditSpecifications"]:
        id = each["InstanceId"]
        try:
            record = resources.one(call, records.INSTANCE, id)
        except (errors.InvalidInstanceIDNotFound, errors.InvalidInstanceIDMalformed) as error:
            badly.append({"InstanceId": id, "Error": {"Code": error.code, "Message": str(error)}})
            continue
        problem = _problem(call, record, each.get("CpuCredits", ""))
        if problem:
            error_said: shapes.UnsuccessfulInstanceCreditSpecificationItemError = {
                "Code": NOT_SUPPORTED,
                "Message": problem,
            }
            badly.append({"InstanceId": record.id, "Error": error_said})
        else:
            well.append({"InstanceId": record.id})
    return {
        "SuccessfulInstanceCreditSpecifications": well,
        "UnsuccessfulInstanceCreditSpecifications": badly,
    }


def _problem(call: WriteCall, record: InstanceRecord, wanted: str) -> str:
    if not _is_burstable(call, record):
        return f"The instance type {record.doc.type_name} is not burstable."
    if wanted == STANDARD:
        return NOT_THROTTLED
    return "" if wanted == UNLIMITED else f"Value ({wanted}) for CpuCredits is invalid."


def _is_burstable(call: Call, record: InstanceRecord) -> bool:
    name = record.doc.type_name
    # A type may have been removed since the launch.
    kind = instancetypes.find(resources.reader(call), name) or presets.BY_NAME.get(name)
    return kind is not None and kind.is_burstable


def get_default(
    call: Call, request: shapes.GetDefaultCreditSpecificationRequest
) -> shapes.GetDefaultCreditSpecificationResult:
    """Tell that instances of a family are unlimited."""
    family = _family(call, request["InstanceFamily"])
    return {
        "InstanceFamilyCreditSpecification": {"InstanceFamily": family, "CpuCredits": UNLIMITED}
    }


def modify_default(
    call: WriteCall, request: shapes.ModifyDefaultCreditSpecificationRequest
) -> shapes.ModifyDefaultCreditSpecificationResult:
    """Take what is so already; refuse what nobody would carry out."""
    family = _family(call, request["InstanceFamily"])
    wanted = request["CpuCredits"]
    if wanted == STANDARD:
        raise errors.UnsupportedOperation(NOT_THROTTLED)
    if wanted != UNLIMITED:
        raise errors.InvalidParameterValue(
            f"Value ({wanted}) for parameter cpuCredits is invalid. Give {UNLIMITED}."
        )
    return {
        "InstanceFamilyCreditSpecification": {"InstanceFamily": family, "CpuCredits": UNLIMITED}
    }


def _family(call: Call, name: str) -> str:
    there = instancetypes.all_types(resources.reader(call))
    if not any(kind.family == name and kind.is_burstable for kind in there):
        raise errors.InvalidParameterValue(f"This cloud has no burstable types of family {name}.")
    return name


def _find(
    call: Call, request: shapes.DescribeInstanceCreditSpecificationsRequest
) -> Iterable[InstanceRecord]:
    asked: list[str] = request.get("InstanceIds") or []
    if asked:
        found = resources.several(call, records.INSTANCE, asked)
        for record in found:
            if not _is_burstable(call, record):
                raise errors.UnsupportedOperation(
                    f"The instance type {record.doc.type_name} of {record.id} is not burstable."
                )
        return found
    own = call.view.list(records.INSTANCE, call.account)
    gone = (State.TERMINATED, State.SHUTTING_DOWN)
    return [
        record
        for record in own
        if _is_burstable(call, record) and power.state_of(record) not in gone
    ]


def _render(call: Call, record: InstanceRecord) -> shapes.InstanceCreditSpecification:
    return {"InstanceId": record.id, "CpuCredits": UNLIMITED}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ModifyInstanceCreditSpecification",
        does=Write(handle=modify_credits),
        honours=frozenset(
            {
                "InstanceCreditSpecifications.InstanceId",
                "InstanceCreditSpecifications.CpuCredits",
            }
        ),
    ),
    Action(
        service="ec2",
        name="GetDefaultCreditSpecification",
        does=Read(handle=get_default),
        honours=frozenset({"InstanceFamily"}),
    ),
    Action(
        service="ec2",
        name="ModifyDefaultCreditSpecification",
        does=Write(handle=modify_default),
        honours=frozenset({"InstanceFamily", "CpuCredits"}),
    ),
    Action(
        service="ec2",
        name="DescribeInstanceCreditSpecifications",
        does=Listing(
            find=_find,
            render=_render,
            member="InstanceCreditSpecifications",
            filters={"instance-id": lambda call, record: (record.id,)},
        ),
        honours=frozenset({"InstanceIds"}),
    ),
)
