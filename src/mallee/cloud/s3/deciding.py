"""May this caller do this in S3: asked of his policies and of the bucket's.

Differs from `cloud.authorize` in whose a thing is: the ARN of a bucket or an object names no
account, so its owner is looked up; the bucket's policy has a say, and callers may be nobody. What a
policy does not allow, an ACL may (`acls`). Called by the pipeline, and by handlers for each further
object (`ObjectCall.may`). Not its business: what the policies say (`aws.policy`).
"""

from collections.abc import Sequence
from dataclasses import replace

from mallee.aws import errors, policy
from mallee.cloud.call import Principal
from mallee.cloud.identity import authorize, context, effort
from mallee.cloud.identity.authorize import Judge, Judged, Outcome, Waiver
from mallee.cloud.identity.question import Question
from mallee.cloud.s3 import buckets, policies

ARN = "arn:aws:s3:::"
_OF_POLICY = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
"""What an administrator can always do to his account's bucket, so that nobody locks himself out."""
_MAKING = "s3:CreateBucket"

Need = tuple[str, str]


def decide(judge: Judge, question: Question, needs: Sequence[Need]) -> Outcome:
    """Return whether the caller may do everything that is needed, and by which statements."""
    call = question.call
    payer = call.account or _owner(question, needs[0][1] if needs else "")
    is_sovereign = authorize.is_sovereign(call.principal)
    if not (is_sovereign or judge.spent.may_begin(payer, call.now)):
        return Outcome(refusal=errors.s3.SlowDown())
    began_s = effort.clock_s()
    try:
        return _weigh(judge, question, needs, began_s)
    except context.TooLong:
        return Outcome(refusal=errors.s3.AccessDenied())
    finally:
        judge.spent.spend(payer, effort.clock_s() - began_s, call.now)


def _weigh(judge: Judge, question: Question, needs: Sequence[Need], began_s: float) -> Outcome:
    who = question.call.principal
    own = judge.rights.of(who)
    caller = authorize.principal_of(who, own)
    judged: list[Judged] = []
    for permission, arn in needs:
        owner, attached = _owner(question, arn), _policy(question, permission, arn)
        if permission == _MAKING:
            # Of a bucket that is somebody's already he is told that, and not asked what he may.
            owner, attached = question.call.account, None
        if attached is None and not own.account and _is_his(who, owner):
            continue
        request = policy.Request(
            principal=caller,
            action=permission,
            resource=arn,
            resource_account=owner,
            context=context.Context(replace(question, resource=arn)),
        )
        decision = policy.evaluate(request, own._replace(resource=attached))
        judged.append(Judged(permission, arn, decision))
        if not decision.is_allowed:
            return Outcome(tuple(judged), refusal=_refusal(request, decision))
        if effort.clock_s() - began_s > authorize.REQUEST_S_MAX:
            return Outcome(tuple(judged), refusal=errors.s3.SlowDown())
    return Outcome(tuple(judged), waiver=None if judged else Waiver.ADMINISTRATOR)


def bucket_of(arn: str) -> str:
    """Return the bucket in an ARN; empty when it names none."""
    return arn.removeprefix(ARN).partition("/")[0] if arn.startswith(ARN) else ""


def _owner(question: Question, arn: str) -> str:
    """Return the account whose the thing is; what is not there is the caller's."""
    return buckets.owner_of(question.call.view, bucket_of(arn)) or question.call.account


def _policy(question: Question, permission: str, arn: str) -> policy.Attached | None:
    call, bucket = question.call, bucket_of(arn)
    if permission in _OF_POLICY and _is_his(call.principal, _owner(question, arn)):
        return None
    return policies.attached(call.view, bucket, call.account) if bucket else None


def _is_his(who: Principal, owner: str) -> bool:
    """Tell whether it is his own account's administrator who asks."""
    return authorize.is_sovereign(who) and who.account == owner


def _refusal(request: policy.Request, decision: policy.Decision) -> errors.AwsError:
    """Return what S3 answers: to a stranger no more than that."""
    if request.principal.kind is policy.PrincipalKind.ANONYMOUS:
        return errors.s3.AccessDenied()
    return errors.s3.AccessDenied(policy.describe(request, decision))
