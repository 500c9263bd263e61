"""Launch templates: made, listed, their default version chosen, deleted with all their versions.

Called through the action table; `find` by all who name a template by id or name. What is in a
version is `templateversions`' business, what a launch makes of it `templatedata`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.instances import launchrequest
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.compute.launchtemplates import LaunchTemplate, TemplateVersion, version_id

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_TEMPLATES = 5000
MAX_VERSIONS = 10_000
_NAME = re.compile(r"[a-zA-Z0-9().\-/_]{3,128}")
_IDS_AT_ONCE = 200

TemplateRecord = Record[LaunchTemplate, None]
VersionRecord = Record[TemplateVersion, None]


def create_template(
    call: WriteCall, request: shapes.CreateLaunchTemplateRequest
) -> shapes.CreateLaunchTemplateResult:
    """Keep a new template with its first version."""
    name = request["LaunchTemplateName"]
    if not _NAME.fullmatch(name):
        raise errors.InvalidLaunchTemplateNameMalformed
    if len(call.tx.list(records.LAUNCH_TEMPLATE, call.account)) >= MAX_TEMPLATES:
        raise errors.LaunchTemplateLimitExceeded(MAX_TEMPLATES)
    template = LaunchTemplate(
        id=ids.make("lt", call.entropy(ids.ID_BYTES)),
        name=name,
        created_at=call.now,
        created_by=call.principal.arn,
        tags=tagset.of_new(request, records.LAUNCH_TEMPLATE.name),
    )
    try:
        call.tx.claim(_names(call.account), name, template.id)
    except store.Taken as taken:
        raise errors.InvalidLaunchTemplateNameAlreadyExists from taken
    record = call.tx.insert(records.LAUNCH_TEMPLATE, call.account, template.id, template)
    insert_version(call, record, request.get("VersionDescription", ""), data_of(request))
    return {"LaunchTemplate": _render(call, record)}


def data_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request says of launches; raise for nothing, which AWS takes for forgotten."""
    data: dict[str, Any] = dict(request["LaunchTemplateData"])
    if not data:
        raise errors.MissingParameter("LaunchTemplateData")
    return data


def insert_version(
    call: WriteCall, template: TemplateRecord, description: str, data: dict[str, Any]
) -> VersionRecord:
    """Write the version that the template calls its latest."""
    version = TemplateVersion(
        template_id=template.id,
        number=template.doc.latest_version,
        description=description,
        created_at=call.now,
        created_by=call.principal.arn,
        data=data,
    )
    return call.tx.insert(records.TEMPLATE_VERSION, call.account, version.id, version)


def versions(call: Call, template: TemplateRecord) -> list[VersionRecord]:
    """Return all versions of a template, the latest first."""
    found = resources.reader(call).by(records.TEMPLATE_VERSION, "template", template.id)
    return sorted(found, key=lambda one: -one.doc.number)


def find(call: Call, given: Mapping[str, Any]) -> TemplateRecord:
    """Return the caller's template that `LaunchTemplateId` or `LaunchTemplateName` names."""
    id: str | None = given.get("LaunchTemplateId")
    name: str | None = given.get("LaunchTemplateName")
    if id is not None and name is not None:
        raise errors.InvalidParameterCombination(
            "LaunchTemplateId and LaunchTemplateName may not be used together."
        )
    if id is not None:
        return resources.one(call, records.LAUNCH_TEMPLATE, id)
    if name is None:
        raise errors.MissingParameter("LaunchTemplateId or LaunchTemplateName")
    found = by_name(call, name)
    if found is None:
        raise errors.InvalidLaunchTemplateNameNotFound(name)
    return found


def by_name(call: Call, name: str) -> TemplateRecord | None:
    """Return the caller's template of that name."""
    looked_at = resources.reader(call)
    id = looked_at.owner_of(_names(call.account), name)
    return looked_at.get(records.LAUNCH_TEMPLATE, id) if id else None


def version_number(template: LaunchTemplate, text: str) -> int:
    """Return the number that `$Latest`, `$Default` or digits mean; raise `VersionNotFound`."""
    if text == "$Latest":
        return template.latest_version
    if text in ("$Default", ""):
        return template.default_version
    if not (text.isascii() and text.isdigit()):
        raise errors.InvalidLaunchTemplateIdVersionNotFound(text)
    return int(text)


def version(call: Call, template: TemplateRecord, text: str) -> VersionRecord:
    """Return a version of the template; raise `InvalidLaunchTemplateId.VersionNotFound`."""
    number = version_number(template.doc, text)
    found = resources.reader(call).get(records.TEMPLATE_VERSION, version_id(template.id, number))
    if found is None:
        raise errors.InvalidLaunchTemplateIdVersionNotFound(text)
    return found


def modify_template(
    call: WriteCall, request: shapes.ModifyLaunchTemplateRequest
) -> shapes.ModifyLaunchTemplateResult:
    """Choose the version that is launched when none is named."""
    template = find(call, request)
    if "DefaultVersion" not in request:
        raise errors.MissingParameter("DefaultVersion")
    chosen = version(call, template, request["DefaultVersion"])
    changed = replace(template.doc, default_version=chosen.doc.number)
    return {"LaunchTemplate": _render(call, call.tx.write(template, changed))}


def delete_template(
    call: WriteCall, request: shapes.DeleteLaunchTemplateRequest
) -> shapes.DeleteLaunchTemplateResult:
    """Delete a template with all its versions."""
    template = find(call, request)
    for one in versions(call, template):
        call.tx.delete(one)
    call.tx.delete(template)
    call.tx.release(_names(call.account), template.doc.name)
    return {"LaunchTemplate": _render(call, template)}


def _names(account: str) -> str:
    return f"name/launch-template/{account}"


def _find(call: Call, request: shapes.DescribeLaunchTemplatesRequest) -> Iterable[TemplateRecord]:
    by_id = resources.several(call, records.LAUNCH_TEMPLATE, request.get("LaunchTemplateIds") or ())
    names = request.get("LaunchTemplateNames") or ()
    if by_id and names:
        raise errors.InvalidParameterCombination(
            "LaunchTemplateIds and LaunchTemplateNames may not be used together."
        )
    if names:
        return [find(call, {"LaunchTemplateName": name}) for name in dict.fromkeys(names)]
    return by_id or call.view.list(records.LAUNCH_TEMPLATE, call.account)


def _render(call: Call, record: TemplateRecord) -> shapes.LaunchTemplate:
    template = record.doc
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "CreateTime": template.created_at,
        "CreatedBy": template.created_by,
        "DefaultVersionNumber": template.default_version,
        "LatestVersionNumber": template.latest_version,
        "Tags": tagset.shown(template.tags),
    }


_NOT_IN_TEMPLATES = frozenset(
    {
        "EnclaveOptions.Enabled",
        "HibernationOptions.Configured",
        "Ipv6AddressCount",
        "Ipv6Addresses.Ipv6Address",
        "MaxCount",
        "MinCount",
        "PrivateIpAddress",
        "SubnetId",
    }
)
"""What a launch may say and a template does not hold."""


def honoured() -> frozenset[str]:
    """Return what a template's data may say: what a launch honours of it."""
    kept = launchrequest.HONOURS - _NOT_IN_TEMPLATES - {"RamdiskId"}
    names = {*kept, "RamDiskId", "TagSpecifications"}
    return frozenset(
        f"LaunchTemplateData.{name}" for name in names if not name.startswith("LaunchTemplate.")
    )


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateLaunchTemplate",
        does=Write(handle=create_template),
        honours=frozenset({"LaunchTemplateName", "VersionDescription"}) | honoured(),
        creates=(records.LAUNCH_TEMPLATE.name,),
    ),
    Action(
        service="ec2",
        name="ModifyLaunchTemplate",
        does=Write(handle=modify_template),
        honours=frozenset({"DefaultVersion", "LaunchTemplateId", "LaunchTemplateName"}),
    ),
    Action(
        service="ec2",
        name="DeleteLaunchTemplate",
        does=Write(handle=delete_template),
        honours=frozenset({"LaunchTemplateId", "LaunchTemplateName"}),
    ),
    Action(
        service="ec2",
        name="DescribeLaunchTemplates",
        does=Listing(
            find=_find,
            render=_render,
            member="LaunchTemplates",
            filters={
                "create-time": lambda call, record: (resources.moment(record.doc.created_at),),
                "launch-template-name": lambda call, record: (record.doc.name,),
            },
            tags=lambda record: record.doc.tags,
            max_results=(1, _IDS_AT_ONCE),
        ),
        honours=frozenset({"LaunchTemplateIds", "LaunchTemplateNames"}),
    ),
)
