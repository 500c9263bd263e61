"""Why somebody may do something, or may not: asked of the policies as they are now.

Called through the action table: `ExplainAccess`, behind `mallee access explain`. It names every
statement that matches, as it is written; who asks needs a permission of his own for that. Users of
the cloud's own account may ask about everybody. What a request would bring (tags, addresses) is not
known here: conditions on it are not met; nor are lists of S3, where they count. Not its business:
what-if questions (`iam.simulator`).
"""

from dataclasses import replace
from typing import Any, cast

from mallee.aws import errors, policy
from mallee.cloud import accounts, http, things
from mallee.cloud.action import Action, Read
from mallee.cloud.admin.people import calls
from mallee.cloud.call import Call, Principal, Request, Result
from mallee.cloud.identity import authenticate, authorize, context, rights
from mallee.cloud.identity.authorize import Judged
from mallee.cloud.identity.question import Question
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.trail import events
from mallee.model.identity import identities
from mallee.model.identity.accounts import Account
from mallee.model.identity.sessions import CallerKind, Session
from mallee.model.storage.buckets import Bucket

_PARTS = 6
_S3 = "arn:aws:s3:::"
_SESSION_NAME = "somebody"


def explain_access(call: Call, request: Request) -> Result:
    """Say what would be decided, by which statement, and which others match."""
    who = _principal(call, request["PrincipalArn"])
    service, colon, name = request["ActionName"].partition(":")
    if not (service and colon and name) or "*" in name:
        raise errors.InvalidInput("ActionName is one action with its service: ec2:RunInstances")
    resource: str = request.get("ResourceArn", "*")
    row = _row(call, service, name)
    asked = http.Request(method="POST", path="/", query="", headers={}, body=b"", peer=call.peer)
    question = Question(
        call=replace(call, principal=who, action=name),
        row=row,
        http=asked,
        asked={},
        resource=resource,
    )
    policies = rights.of_issuer(call.view, who.account, who.issuer_id)
    caller = authorize.principal_of(who, policies)
    try:
        wanted, all_policies = authorize.ask(caller, row.permission, question, policies)
        bucket = _bucket(call, resource)
        if bucket is not None:
            wanted = wanted._replace(resource_account=bucket.account)
            all_policies = all_policies._replace(resource=_policy_of(call, bucket, who))
        decision = policy.evaluate(wanted, all_policies)
        matching = policy.matching(wanted, all_policies)
    except context.TooLong as error:
        raise errors.InvalidInput(f"{error} is too long to ask about.") from error
    told = calls.render_judgement(events.judgement(Judged(row.permission, resource, decision)))
    return {
        **told,
        "PrincipalArn": who.arn if who.kind is CallerKind.USER else who.issuer_arn,
        "Statements": [
            _statement(all_policies, one, decision)
            for one in matching
            if _may_see(call, resource, one)
        ],
    }


def _bucket(call: Call, resource: str) -> Record[Bucket, None] | None:
    """Return the bucket in an ARN of S3: such a name tells nothing of whose it is."""
    name = resource.removeprefix(_S3).partition("/")[0] if resource.startswith(_S3) else ""
    return call.view.get(records.BUCKET, name) if name else None


def _policy_of(call: Call, bucket: Record[Bucket, None], who: Principal) -> policy.Attached | None:
    # Objects and their lists are another process's: what these say is not known here.
    from mallee.cloud.s3.access import policies

    return policies.attached(call.view, bucket.id, who.account)


def _may_see(call: Call, resource: str, one: policy.Deciding) -> bool:
    """Tell whether a statement may be shown as it is written: what a thing's policy says beyond
    the verdict is its account's to know."""
    is_of_thing = one.kind in (policy.Kind.TRUST, policy.Kind.RESOURCE)
    bucket = _bucket(call, resource)
    owner = bucket.account if bucket else things.account_of(resource)
    is_own = owner == call.account
    return is_own or not is_of_thing or call.principal.is_cloud_admin


def _row(call: Call, service: str, name: str) -> Action:
    found = cast(Action | None, call.rows.get((service, name)))
    if found is not None:
        return found
    return Action(
        service=service, name=name, does=Read(handle=lambda _, __: {}), honours=frozenset()
    )


def _principal(call: Call, arn: str) -> Principal:
    """Return the user, or a session of the role; raise `NoSuchEntity`."""
    parts = arn.split(":", _PARTS - 1)
    noun, _, name = parts[-1].partition("/")
    kind = {"user": records.USER, "role": records.ROLE}.get(noun)
    if len(parts) < _PARTS or kind is None or not arn.startswith("arn:aws:iam::"):
        raise errors.InvalidInput(f"{arn[:200]} is not the ARN of a user or role")
    account = call.view.get(records.ACCOUNT, parts[4])
    is_his = parts[4] == call.account or call.principal.is_cloud_admin
    found = account.doc if account is not None and is_his else None
    who = _find(call, found, kind.name, name.rpartition("/")[2]) if found else None
    if who is None or arn not in (who.arn, who.issuer_arn):
        raise errors.NoSuchEntity(noun, name)
    return who


def _find(call: Call, account: Account, noun: str, name: str) -> Principal | None:
    kind = records.USER if noun == "user" else records.ROLE
    id = call.view.owner_of(accounts.names_of(kind, account.id), name.lower())
    user = call.view.get(records.USER, id or "")
    if user is not None:
        return authenticate.principal_of(account, user.doc, "")
    role = call.view.get(records.ROLE, id or "")
    if role is None:
        return None
    session = Session(
        kind=CallerKind.ROLE,
        account=account.id,
        issuer_id=role.id,
        name=_SESSION_NAME,
        issued_at=call.now,
        expires_at=call.now,
    )
    return Principal(
        account=account.id,
        user_id=f"{role.id}:{_SESSION_NAME}",
        user_name="",
        arn=authenticate.role_session_arn(account.id, role.doc, _SESSION_NAME),
        access_key_id="",
        is_cloud_admin=account.is_cloud_admin,
        kind=CallerKind.ROLE,
        session=session,
        issuer_arn=identities.arn(account.id, "role", role.doc.path, role.doc.name),
    )


def _statement(
    policies: policy.Policies, one: policy.Deciding, decision: policy.Decision
) -> dict[str, Any]:
    """Return a statement that matches, as it is written."""
    document = next(
        attached.policy.document
        for attached in policy.attached(policies)
        if attached.name == one.policy and attached.policy.document.kind is one.kind
    )
    statement = document.statements[one.position]
    return {
        "Effect": statement.effect.value,
        "PolicyKind": one.kind.value,
        "Policy": one.policy,
        "Sid": one.sid,
        "Position": one.position,
        "Text": policy.encode(replace(document, id=None, statements=(statement,))),
        "Decides": one == decision.decided_by,
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="ExplainAccess",
        does=Read(handle=explain_access),
        honours=frozenset({"PrincipalArn", "ActionName", "ResourceArn"}),
        resources=lambda call, request: (request["PrincipalArn"],),
        is_weighing=True,
    ),
)
