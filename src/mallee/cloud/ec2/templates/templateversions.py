"""Versions of launch templates: made on top of one another, listed, deleted.

Called through the action table. A version never changes, and its number is never given again.
Templates themselves are `launchtemplates`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.templates import launchtemplates
from mallee.cloud.ec2.templates.launchtemplates import TemplateRecord, VersionRecord
from mallee.cloud.state import records
from mallee.model.compute.launchtemplates import TemplateVersion

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_BY_WORD = ("$Latest", "$Default")
_VERSIONS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A version beside its template."""

    template: TemplateRecord
    version: VersionRecord

    @property
    def id(self) -> str:
        """Order versions by template, the latest first: what pages go by."""
        last = launchtemplates.MAX_VERSIONS * 10
        return f"{self.template.id}/{last - self.version.doc.number:08}"


def create_version(
    call: WriteCall, request: shapes.CreateLaunchTemplateVersionRequest
) -> shapes.CreateLaunchTemplateVersionResult:
    """Keep a new version: what is given, over what the source version says."""
    template = launchtemplates.find(call, request)
    data = launchtemplates.data_of(request)
    if "SourceVersion" in request:
        source = launchtemplates.version(call, template, request["SourceVersion"])
        data = {**source.doc.data, **data}
    if len(launchtemplates.versions(call, template)) >= launchtemplates.MAX_VERSIONS:
        raise errors.LaunchTemplateVersionLimitExceeded(launchtemplates.MAX_VERSIONS)
    number = template.doc.latest_version + 1
    template = call.tx.write(template, replace(template.doc, latest_version=number))
    made = launchtemplates.insert_version(
        call, template, request.get("VersionDescription", ""), data
    )
    return {"LaunchTemplateVersion": _render(call, Shown(template, made))}


def delete_versions(
    call: WriteCall, request: shapes.DeleteLaunchTemplateVersionsRequest
) -> shapes.DeleteLaunchTemplateVersionsResult:
    """Delete versions, each by itself: the answer says which are gone and why others are not."""
    template = launchtemplates.find(call, request)
    if len(request["Versions"]) > _VERSIONS_AT_ONCE:
        raise errors.InvalidParameterValue(
            f"At most {_VERSIONS_AT_ONCE} versions can be deleted at once."
        )
    gone: list[shapes.DeleteLaunchTemplateVersionsResponseSuccessItem] = []
    kept: list[shapes.DeleteLaunchTemplateVersionsResponseErrorItem] = []
    for text in dict.fromkeys(request["Versions"]):
        named: dict[str, Any] = {
            "LaunchTemplateId": template.id,
            "LaunchTemplateName": template.doc.name,
        }
        try:
            doomed = launchtemplates.version(call, template, text)
        except errors.InvalidLaunchTemplateIdVersionNotFound as error:
            kept.append(_kept(named, text, ("launchTemplateVersionDoesNotExist", error.message)))
            continue
        if doomed.doc.number == template.doc.default_version:
            why = "The default version cannot be deleted: make another version the default first."
            kept.append(_kept(named, str(doomed.doc.number), ("unexpectedError", why)))
            continue
        call.tx.delete(doomed)
        gone.append(
            cast(
                "shapes.DeleteLaunchTemplateVersionsResponseSuccessItem",
                named | {"VersionNumber": doomed.doc.number},
            )
        )
    return {
        "SuccessfullyDeletedLaunchTemplateVersions": gone,
        "UnsuccessfullyDeletedLaunchTemplateVersions": kept,
    }


def _kept(
    named: Mapping[str, Any], text: str, why: tuple[str, str]
) -> shapes.DeleteLaunchTemplateVersionsResponseErrorItem:
    code, message = why
    return {
        "LaunchTemplateId": named["LaunchTemplateId"],
        "LaunchTemplateName": named["LaunchTemplateName"],
        "VersionNumber": int(text) if text.isdigit() else None,
        "ResponseError": {"Code": code, "Message": message},
    }


def _find(call: Call, request: shapes.DescribeLaunchTemplateVersionsRequest) -> Iterable[Shown]:
    asked = request.get("Versions") or ()
    if "LaunchTemplateId" not in request and "LaunchTemplateName" not in request:
        return _of_all(call, asked)
    template = launchtemplates.find(call, request)
    if asked:
        if "MinVersion" in request or "MaxVersion" in request:
            raise errors.InvalidParameterCombination(
                "Versions may not be used together with MinVersion or MaxVersion."
            )
        found = {
            one.id: one for one in (launchtemplates.version(call, template, text) for text in asked)
        }
        return [Shown(template, one) for one in found.values()]
    least, most = _bounds(template, request)
    return [
        Shown(template, one)
        for one in launchtemplates.versions(call, template)
        if least <= one.doc.number <= most
    ]


def _bounds(template: TemplateRecord, request: Mapping[str, Any]) -> tuple[int, int]:
    return (
        launchtemplates.version_number(template.doc, request.get("MinVersion", "1")),
        launchtemplates.version_number(template.doc, request.get("MaxVersion", "$Latest")),
    )


def _of_all(call: Call, asked: Iterable[str]) -> list[Shown]:
    """Return the latest or default versions of all templates of the account."""
    words = dict.fromkeys(asked)
    if not words:
        raise errors.MissingParameter("LaunchTemplateId or LaunchTemplateName or Versions")
    if any(word not in _BY_WORD for word in words):
        raise errors.InvalidParameterValue(
            "Without a launch template, Versions may only be $Latest and $Default."
        )
    found = {
        version.id: Shown(template, version)
        for template in resources.reader(call).list(records.LAUNCH_TEMPLATE, call.account)
        for version in (launchtemplates.version(call, template, word) for word in words)
    }
    return list(found.values())


def _render(call: Call, shown: Shown) -> shapes.LaunchTemplateVersion:
    template, version = shown.template.doc, shown.version.doc
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "VersionNumber": version.number,
        "VersionDescription": version.description or None,
        "CreateTime": version.created_at,
        "CreatedBy": version.created_by,
        "DefaultVersion": version.number == template.default_version,
        "LaunchTemplateData": cast("shapes.ResponseLaunchTemplateData", version.data),
    }


def _data(*path: str) -> Callable[[Call, Shown], Iterable[str]]:
    """Return a filter on something that a version's data says."""

    def values(_: Call, shown: Shown) -> Iterable[str]:
        value: Any = shown.version.doc.data
        for name in path:
            value = cast(Mapping[str, Any], value or {}).get(name)
        if value is None:
            return ()
        return (resources.boolean(value),) if isinstance(value, bool) else (str(value),)

    return values


def _profile(_: Call, shown: Shown) -> Iterable[str]:
    given: Mapping[str, str] = shown.version.doc.data.get("IamInstanceProfile") or {}
    return tuple(given[name] for name in ("Arn", "Name") if name in given)


def _is_default(_: Call, shown: Shown) -> Iterable[str]:
    return (resources.boolean(shown.version.doc.number == shown.template.doc.default_version),)


def _created(_: Call, shown: Shown) -> Iterable[str]:
    version: TemplateVersion = shown.version.doc
    return (resources.moment(version.created_at),)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateLaunchTemplateVersion",
        does=Write(handle=create_version),
        honours=frozenset(
            {"LaunchTemplateId", "LaunchTemplateName", "SourceVersion", "VersionDescription"}
        )
        | launchtemplates.honoured(),
    ),
    Action(
        service="ec2",
        name="DeleteLaunchTemplateVersions",
        does=Write(handle=delete_versions),
        honours=frozenset({"LaunchTemplateId", "LaunchTemplateName", "Versions"}),
    ),
    Action(
        service="ec2",
        name="DescribeLaunchTemplateVersions",
        does=Listing(
            find=_find,
            render=_render,
            member="LaunchTemplateVersions",
            filters={
                # What launches refuse no version has.
                "host-resource-group-arn": lambda call, version: (),
                "http-protocol-ipv4": lambda call, version: (),
                "license-configuration-arn": lambda call, version: (),
                "create-time": _created,
                "ebs-optimized": _data("EbsOptimized"),
                "http-endpoint": _data("MetadataOptions", "HttpEndpoint"),
                "http-tokens": _data("MetadataOptions", "HttpTokens"),
                "iam-instance-profile": _profile,
                "image-id": _data("ImageId"),
                "instance-type": _data("InstanceType"),
                "is-default-version": _is_default,
                "kernel-id": _data("KernelId"),
                "ram-disk-id": _data("RamDiskId"),
            },
            max_results=(1, _VERSIONS_AT_ONCE),
        ),
        honours=frozenset(
            {"LaunchTemplateId", "LaunchTemplateName", "MaxVersion", "MinVersion", "Versions"}
        ),
    ),
)
