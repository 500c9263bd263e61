"""Managed policies: made, worded anew in versions, attached, and gone.

A policy has up to five versions; the default one is in force wherever the policy is attached. Those
of AWS (`managedpolicies.GIVEN`) can be looked at and attached by everybody, and changed by nobody.
Called through the action table. Not its business: who has which policy (`attachments`).
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors, policy
from mallee.cloud import quotas
from mallee.cloud.action import Action, Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, tags
from mallee.cloud.identity import managedpolicies
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity import identities
from mallee.model.identity.identities import Policy, PolicyVersion

SIZE_MAX = 6144
"""Characters of a managed policy, without white space."""
VERSIONS_MAX = 5

PolicyRecord = Record[Policy, None]


def find(call: Call, arn: str) -> Policy:
    """Return the policy of an ARN that the account may see; raise `NoSuchEntity`."""
    found = managedpolicies.GIVEN.get(arn)
    if found is not None:
        return found
    return own(call, arn).doc


def own(call: Call, arn: str) -> PolicyRecord:
    """Return the account's policy of an ARN; raise `NoSuchEntity`, or `AccessDenied` for AWS's."""
    if arn in managedpolicies.GIVEN:
        raise errors.AccessDenied(call.principal.arn, f"iam:{call.action}", arn)
    for record in call.view.by(records.POLICY, "arn", arn):
        if record.account == call.account:
            return record
    raise errors.NoSuchPolicy(arn)


def check_document(text: str, most: int = SIZE_MAX) -> str:
    """Return the text of an identity policy; raise what is wrong with it."""
    if policy.size(text) > most:
        raise errors.LimitExceeded("PolicySize", most)
    quotas.refuse_meaningless(policy.parse(text, policy.Kind.IDENTITY))
    return text


def boundary(call: Call, arn: str | None) -> str | None:
    """Return the ARN of a policy that can be a boundary; raise what is wrong with it."""
    if arn is not None:
        policy.parse(find(call, arn).document, policy.Kind.BOUNDARY)
    return arn


def render_boundary(arn: str | None) -> dict[str, str] | None:
    """Return a boundary as IAM shows one."""
    if arn is None:
        return None
    return {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}


def create_policy(call: WriteCall, request: Request) -> Result:
    """Make a policy with one version, attached to nobody."""
    path: str = request.get("Path", "/")
    name: str = request["PolicyName"]
    id = entities.new_id(call, records.POLICY)
    first = PolicyVersion(
        id="v1", document=check_document(request["PolicyDocument"]), created_at=call.tx.now
    )
    made = Policy(
        id=id,
        arn=identities.arn(call.account, "policy", path, name),
        name=name,
        path=path,
        description=request.get("Description"),
        created_at=call.tx.now,
        updated_at=call.tx.now,
        tags=entities.with_tags({}, entities.parse_tags(request.get("Tags"))),
        versions=(first,),
    )
    entities.claim_name(call, records.POLICY, name, id)
    call.tx.insert(records.POLICY, call.account, id, made)
    return {"Policy": render(call, made)}


def get_policy(call: Call, request: Request) -> Result:
    """Describe a policy."""
    return {"Policy": render(call, find(call, request["PolicyArn"]))}


def delete_policy(call: WriteCall, request: Request) -> Result:
    """Remove a policy that nobody has and that has no version but its default."""
    record = own(call, request["PolicyArn"])
    if holders(call, record.doc.arn) or bounded(call, record.doc.arn):
        raise errors.DeleteConflict("Cannot delete a policy attached to entities.")
    if len(record.doc.versions) > 1:
        raise errors.DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete "
            "the policy's versions. The default version is deleted with the policy."
        )
    entities.release_name(call, records.POLICY, record.doc.name)
    call.tx.delete(record)
    return {}


def create_version(call: WriteCall, request: Request) -> Result:
    """Add a wording, which is in force when it is set as default."""
    record = own(call, request["PolicyArn"])
    doc = record.doc
    if len(doc.versions) >= VERSIONS_MAX:
        raise errors.LimitExceeded("PolicyVersionsPerPolicy", VERSIONS_MAX)
    made = PolicyVersion(
        id=f"v{doc.next_version}",
        document=check_document(request["PolicyDocument"]),
        created_at=call.tx.now,
    )
    changed = replace(
        doc,
        versions=(*doc.versions, made),
        next_version=doc.next_version + 1,
        default_version=made.id if request.get("SetAsDefault") else doc.default_version,
        updated_at=call.tx.now,
    )
    call.tx.write(record, changed)
    return {"PolicyVersion": _render_version(changed, made, with_document=False)}


def get_version(call: Call, request: Request) -> Result:
    """Show one wording of a policy."""
    found = find(call, request["PolicyArn"])
    version = _version(found, request["VersionId"])
    return {"PolicyVersion": _render_version(found, version, with_document=True)}


def set_default_version(call: WriteCall, request: Request) -> Result:
    """Put another wording in force, everywhere at once."""
    record = own(call, request["PolicyArn"])
    version = _version(record.doc, request["VersionId"])
    call.tx.write(record, replace(record.doc, default_version=version.id, updated_at=call.tx.now))
    return {}


def delete_version(call: WriteCall, request: Request) -> Result:
    """Remove a wording that is not in force."""
    record = own(call, request["PolicyArn"])
    version = _version(record.doc, request["VersionId"])
    if version.id == record.doc.default_version:
        raise errors.DeleteConflict("Cannot delete the default version of a policy.")
    left = tuple(one for one in record.doc.versions if one.id != version.id)
    call.tx.write(record, replace(record.doc, versions=left))
    return {}


def given() -> Iterable[Policy]:
    """Return the policies that AWS gives to every account."""
    return managedpolicies.GIVEN.values()


def holders(call: Call, arn: str) -> list[Record[Any, None]]:
    """Return the account's users, groups and roles to which a policy is attached."""
    return _having(call, "policy", arn, (records.USER, records.GROUP, records.ROLE))


def bounded(call: Call, arn: str) -> list[Record[Any, None]]:
    """Return the account's users and roles whose boundary a policy is."""
    return _having(call, "boundary", arn, (records.USER, records.ROLE))


def _having(
    call: Call, index: str, arn: str, kinds: Iterable[records.Kind[Any, None]]
) -> list[Record[Any, None]]:
    found = (record for kind in kinds for record in call.view.by(kind, index, arn))
    return [record for record in found if record.account == call.account]


def render(call: Call, doc: Policy) -> dict[str, Any]:
    """Return a policy as IAM shows one."""
    return {**_render_short(call, doc), "Description": doc.description}


def _render_short(call: Call, doc: Policy) -> dict[str, Any]:
    return {
        "PolicyName": doc.name,
        "PolicyId": doc.id,
        "Arn": doc.arn,
        "Path": doc.path,
        "DefaultVersionId": doc.default_version,
        "AttachmentCount": len(holders(call, doc.arn)),
        "PermissionsBoundaryUsageCount": len(bounded(call, doc.arn)),
        "IsAttachable": not doc.path.startswith(managedpolicies.SERVICE_PATH),
        "CreateDate": doc.created_at,
        "UpdateDate": doc.updated_at,
        "Tags": entities.render_tags(doc.tags) or None,
    }


def render_version(doc: Policy, version: PolicyVersion) -> dict[str, Any]:
    """Return a version of a policy with its document."""
    return _render_version(doc, version, with_document=True)


def _render_version(doc: Policy, version: PolicyVersion, *, with_document: bool) -> dict[str, Any]:
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.id == doc.default_version,
        "CreateDate": version.created_at,
        "Document": entities.quoted(version.document) if with_document else None,
    }


def _version(doc: Policy, id: str) -> PolicyVersion:
    for version in doc.versions:
        if version.id == id:
            return version
    raise errors.NoSuchPolicyVersion(doc.arn, id)


def _find(call: Call, request: Request) -> list[Policy]:
    scope: str = request.get("Scope", "All")
    found = [record.doc for record in entities.every(call, records.POLICY)]
    given = list(managedpolicies.GIVEN.values())
    listed = {"All": [*found, *given], "Local": found, "AWS": given}[scope]
    return [
        doc
        for doc in listed
        if doc.path.startswith(request.get("PathPrefix", "/"))
        and (not request.get("OnlyAttached") or holders(call, doc.arn))
    ]


def _find_versions(call: Call, request: Request) -> list[tuple[Policy, PolicyVersion]]:
    found = find(call, request["PolicyArn"])
    return [(found, version) for version in found.versions]


def _row(name: str, does: Write | Read | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


ACTIONS: tuple[Action, ...] = (
    _row(
        "CreatePolicy",
        Write(handle=create_policy),
        *("PolicyName", "Path", "PolicyDocument", "Description", "Tags"),
    ),
    _row("GetPolicy", Read(handle=get_policy), "PolicyArn"),
    _row(
        "ListPolicies",
        Pages(find=_find, render=_render_short, member="Policies", key=lambda doc: doc.arn),
        *("Scope", "OnlyAttached", "PathPrefix"),
    ),
    _row("DeletePolicy", Write(handle=delete_policy), "PolicyArn"),
    _row(
        "CreatePolicyVersion",
        Write(handle=create_version),
        *("PolicyArn", "PolicyDocument", "SetAsDefault"),
    ),
    _row("GetPolicyVersion", Read(handle=get_version), "PolicyArn", "VersionId"),
    _row(
        "ListPolicyVersions",
        Pages(
            find=_find_versions,
            render=lambda _, item: _render_version(*item, with_document=False),
            member="Versions",
            key=lambda item: f"{int(item[1].id[1:]):09d}",
        ),
        "PolicyArn",
    ),
    _row("SetDefaultPolicyVersion", Write(handle=set_default_version), "PolicyArn", "VersionId"),
    _row("DeletePolicyVersion", Write(handle=delete_version), "PolicyArn", "VersionId"),
    *tags.rows(
        tags.Tagged(
            noun="Policy",
            member="PolicyArn",
            named=lambda call, request: own(call, request["PolicyArn"]),
            changed=lambda call, request: own(call, request["PolicyArn"]),
        )
    ),
)
