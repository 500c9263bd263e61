"""May this caller do this in S3: asked of his policies, of the bucket's, and of lists.

Differs from `cloud.authorize` in whose a thing is: the ARN of a bucket or an object names no
account, so its owner is looked up; the bucket's policy has a say, callers may be nobody, and what
no policy allows, a list may (`granting`). An object that is not the bucket's owner's is its own
owner's: his policies and its list say who may read it, and the bucket's policy can only deny.
Called by the pipeline, and by handlers for each further object (`ObjectCall.may`). Not its
business: what the policies say (`aws.policy`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mallee.aws import errors, policy
from mallee.aws.policy.principals import Closeness
from mallee.cloud.call import Principal
from mallee.cloud.identity import authorize, context, effort, endpoints
from mallee.cloud.identity.authorize import Judge, Judged, Outcome, Waiver
from mallee.cloud.identity.question import Question
from mallee.cloud.s3.access import acls, granting, owning, policies
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.buckets.buckets import BucketRecord
from mallee.cloud.s3.objects import about
from mallee.cloud.s3.objects.about import About
from mallee.cloud.s3.objects.sight import Sight
from mallee.model.storage.buckets import ENFORCED, Grant

ARN = "arn:aws:s3:::"
_OF_POLICY = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
"""What an administrator can always do to his account's bucket, so that nobody locks himself out."""
_MAKES = "CreateBucket"
_MAKES_OBJECTS = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
_OF_INITIATOR = frozenset({"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"})
"""What he may who began an upload, wherever he is from."""
_ASKS_TAGS = frozenset(
    f"s3:{verb}Object{version}{noun}"
    for verb, noun in (
        ("Get", ""),
        *((verb, noun) for verb in ("Get", "Put") for noun in ("Acl", "Tagging")),
        ("Delete", "Tagging"),
        ("Get", "Attributes"),
    )
    for version in ("", "Version")
)
"""Permissions of which the tags that an object has are a condition (`s3:ExistingObjectTag/…`)."""

Need = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Court:
    """Who decides about one request, and what he sees of what is stored."""

    judge: Judge
    sight: Sight


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a thing stands to the question: whose it is, and who has a say beside the caller's own
    policies."""

    owner: str
    attached: policy.Attached | None = None
    """The bucket's policy."""
    denying: policy.Attached | None = None
    """The same, where it can only deny."""
    listed: Closeness = Closeness.NOT_AT_ALL
    """How closely a list means the caller."""


def decide(court: Court, question: Question, needs: Sequence[Need]) -> Outcome:
    """Return whether the caller may do everything that is needed, and by which statements."""
    call, judge = question.call, court.judge
    payer = call.account or _payer(question, needs[0][1] if needs else "")
    is_sovereign = authorize.is_sovereign(call.principal)
    if not (is_sovereign or judge.spent.may_begin(payer, call.now)):
        return Outcome(refusal=errors.s3.SlowDown())
    began_s = effort.clock_s()
    try:
        return _weigh(court, question, needs, began_s)
    except context.TooLong:
        return Outcome(refusal=errors.s3.AccessDenied())
    finally:
        judge.spent.spend(payer, effort.clock_s() - began_s, call.now)


def _weigh(court: Court, question: Question, needs: Sequence[Need], began_s: float) -> Outcome:
    who = question.call.principal
    own = court.judge.rights.of(who)._replace(endpoint=endpoints.attached(question))
    is_surrounded = own.account or own.endpoint is not None
    caller = authorize.principal_of(who, own)
    judged: list[Judged] = []
    for permission, arn in needs:
        found = _standing(court, question, permission, arn)
        is_unsaid = found.attached is None and found.denying is None
        if is_unsaid and not is_surrounded and _is_his(who, found.owner):
            continue
        named = caller if is_unsaid else _with_canonical_id(caller)
        request = policy.Request(
            principal=named,
            action=permission,
            resource=arn,
            resource_account=found.owner or _NOBODYS,
            context=context.Context(_about(court, question, permission, arn)),
        )
        decision = policy.evaluate(request, _with(own, found))
        judged.append(Judged(permission, arn, decision))
        if not decision.is_allowed:
            return Outcome(tuple(judged), refusal=_refusal(request, decision))
        if effort.clock_s() - began_s > authorize.REQUEST_S_MAX:
            return Outcome(tuple(judged), refusal=errors.s3.SlowDown())
    return Outcome(tuple(judged), waiver=None if judged else Waiver.ADMINISTRATOR)


_NOBODYS = "anonymous"
"""Stands for the account of what nobody signed for: it is no caller's own."""


def _with(own: policy.Policies, found: _Standing) -> policy.Policies:
    denying = () if found.denying is None else (found.denying,)
    return own._replace(
        resource=found.attached, account=(*own.account, *denying), listed=found.listed
    )


def _with_canonical_id(caller: policy.Principal) -> policy.Principal:
    if not caller.account:
        return caller
    return caller._replace(canonical_user=acls.canonical_id(caller.account))


def _about(court: Court, question: Question, permission: str, arn: str) -> Question:
    """Return the question as it is about one thing, whose tags can be asked for."""
    find = _tags(court, question, arn) if permission in _ASKS_TAGS else None
    return replace(question, resource=arn, existing_tags=find)


def _tags(court: Court, question: Question, arn: str) -> Callable[[], Mapping[str, str]]:
    def find() -> Mapping[str, str]:
        record = buckets.find(question.call.view, bucket_of(arn))
        found = _stored(court, question, record, arn) if record else None
        return found.tags if found else {}

    return find


# --- whose it is ---


def bucket_of(arn: str) -> str:
    """Return the bucket in an ARN; empty when it names none."""
    return arn.removeprefix(ARN).partition("/")[0] if arn.startswith(ARN) else ""


def _payer(question: Question, arn: str) -> str:
    """Return the account whose policies decide about a stranger."""
    return buckets.owner_of(question.call.view, bucket_of(arn))


def _standing(court: Court, question: Question, permission: str, arn: str) -> _Standing:
    call, name = question.call, bucket_of(arn)
    record = buckets.find(call.view, name) if name else None
    if record is None or question.row.name == _MAKES:
        # Of a bucket that is somebody's already he is told that, and not asked what he may.
        return _Standing(call.account)
    attached = policies.attached(call.view, name, call.account)
    if permission in _OF_POLICY and _is_his(call.principal, record.account):
        attached = None
    if _is_for_handing(question, permission):
        if call.account in ("", record.account):
            return _Standing(record.account, attached)
        # What he makes is his, so his own policies say that it may have a list.
        return _Standing(call.account, denying=attached)
    begun = _begun(court, question, permission, record)
    if begun or record.doc.ownership == ENFORCED:
        return _Standing(record.account, attached, listed=begun)
    if permission in granting.OF_OBJECT:
        return _of_object(court, question, (permission, arn), (record, attached))
    listed = _on_bucket(question, permission, record)
    if permission == "s3:DeleteObject" and listed:
        listed = _on_deletion(court, question, (record, arn), listed)
    return _Standing(record.account, attached, listed=listed)


def _is_for_handing(question: Question, permission: str) -> bool:
    return permission == "s3:PutObjectAcl" and question.row.name in _MAKES_OBJECTS


def _of_object(
    court: Court,
    question: Question,
    need: Need,
    of_bucket: tuple[BucketRecord, policy.Attached | None],
) -> _Standing:
    """Return how an object stands that may be another's than the bucket's owner's."""
    permission, arn = need
    record, attached = of_bucket
    found = _stored(court, question, record, arn)
    if found is None:
        # Who may list the bucket is told that it is not there.
        listed = _on_bucket(question, "s3:ListBucket", record)
        return _Standing(record.account, attached, listed=listed)
    owner = owning.of_object(record.doc, record.account, found)
    line, block = granting.OF_OBJECT[permission], record.doc.access_block
    grants = found.grants
    if not owner and (grants is None or line.endswith("_ACP")):
        # What nobody signed for has no account that would say who may.
        grants = (Grant(owner, acls.FULL), *(grants or ()))
    listed = granting.closeness(line, question.call.account, grants, block)
    if owner == record.account:
        return _Standing(owner, attached, listed=listed)
    return _Standing(owner, denying=attached, listed=listed)


def _on_bucket(question: Question, permission: str, record: BucketRecord) -> Closeness:
    """Return how closely the bucket's list means the caller."""
    line = granting.OF_BUCKET.get(permission)
    if line is None:
        return Closeness.NOT_AT_ALL
    doc = record.doc
    return granting.closeness(line, question.call.account, doc.grants, doc.access_block)


def _on_deletion(
    court: Court, question: Question, where: tuple[BucketRecord, str], listed: Closeness
) -> Closeness:
    """Return what a bucket's list is worth to who deletes: it is for what is his, or not there."""
    record, arn = where
    found = _stored(court, question, record, arn)
    is_others = found is not None and found.owner != question.call.account
    return Closeness.NOT_AT_ALL if is_others else listed


def _begun(court: Court, question: Question, permission: str, record: BucketRecord) -> Closeness:
    """Return how closely an upload means the caller: him who began it, if he is a stranger here."""
    call, asked = question.call, question.asked
    if permission not in _OF_INITIATOR or call.account in ("", record.account):
        return Closeness.NOT_AT_ALL
    id, key = asked.get("UploadId"), asked.get("Key")
    found = court.sight.upload(record.doc.number, key.encode(), id) if id and key else None
    is_his = found is not None and about.of_upload(found).initiator == call.principal.arn
    return Closeness.ACCOUNT if is_his else Closeness.NOT_AT_ALL


def _stored(court: Court, question: Question, record: BucketRecord, arn: str) -> About | None:
    """Return what is kept with the object that an ARN and a request name; None: it is not there."""
    key = arn.removeprefix(ARN).partition("/")[2].encode()
    id: str | None = question.asked.get("VersionId")
    version = court.sight.version(record.doc.number, key, id) if key else None
    return about.of(version) if version is not None and not version.is_marker else None


def _is_his(who: Principal, owner: str) -> bool:
    """Tell whether it is his own account's administrator who asks."""
    return authorize.is_sovereign(who) and who.account == owner


def _refusal(request: policy.Request, decision: policy.Decision) -> errors.AwsError:
    """Return what S3 answers: to a stranger no more than that."""
    if request.principal.kind is policy.PrincipalKind.ANONYMOUS:
        return errors.s3.AccessDenied()
    return errors.s3.AccessDenied(policy.describe(request, decision))
