"""What a request has a service do with keys of the key store, in its caller's name.

Asked after the caller was allowed what he asks for, and before anything is done: he must be allowed
this too (policies see the service as `kms:ViaService`), and the keys must be usable. A handler uses
only keys that were asked about here (`WriteCall.keys`). The trail is told. Called by `pipeline`.
Not its business: which keys a request takes (`Action.uses_keys`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from mallee.aws import errors
from mallee.cloud.action import KeyUse
from mallee.cloud.call import Call
from mallee.cloud.identity import authorize
from mallee.cloud.identity.question import Question
from mallee.cloud.kms import deciding, managed, materials, naming, specs, usetold
from mallee.cloud.state import store
from mallee.cloud.trail import events
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import OF_SERVICES, Usage


@dataclass(frozen=True, slots=True)
class Means:
    """What asking takes besides the request."""

    judge: authorize.Judge
    store: store.Store
    box: secretbox.SecretBox
    tell: Callable[[events.Event], object]
    """Has the trail told."""
    service: str = ""
    """The service that asks, where it is not the row's own: EBS's keys are EC2's."""


async def check(means: Means, question: Question) -> frozenset[str]:
    """Return the ARNs of the keys that the request may use; raise what stands against it.

    Where only a dry run is wanted, it is asked whether he may, and no more.
    """
    row, call = question.row, question.call
    if row.uses_keys is None:
        return frozenset()
    found: set[str] = set()
    for use in tuple(row.uses_keys(call, question.asked)):
        if question.asked.get("DryRun") and naming.look(call, use.key) is None:
            # There is none whose policy could be asked; the service's own would let him in.
            continue
        if _is_to_be_made(call, use):
            await _make(means, call, use)
        found.add(_checked(means, question, use))
    return frozenset(found)


def _is_to_be_made(call: Call, use: KeyUse) -> bool:
    """Tell whether it is the service's own key of the account, needed for the first time."""
    service = use.key.removeprefix(OF_SERVICES)
    return service in managed.SERVICES and naming.look(call, use.key) is None


async def _make(means: Means, call: Call, use: KeyUse) -> None:
    account, through = call.account, (use.key.removeprefix(OF_SERVICES), call.settings.region)

    def make(tx: store.Tx) -> None:
        managed.ensure(tx, means.box, account, through)

    await means.store.run(make)


def _checked(means: Means, question: Question, use: KeyUse) -> str:
    call, service = question.call, means.service or question.row.service
    outcome = deciding.decide(means.judge, question, service, (use.operation, use.asked))
    told = usetold.Use(call, use.operation, use.asked, outcome)
    error, arn = outcome.refusal, ""
    if isinstance(error, errors.Throttling):
        raise errors.RequestLimitExceeded(error.message)
    if error is None and not question.asked.get("DryRun"):
        try:
            arn = _usable(call, use)
        except errors.AwsError as unusable:
            error = unusable
    means.tell(usetold.event_of(told, error))
    if error is not None:
        raise _of_ec2(error) from error
    return arn


def _of_ec2(error: errors.AwsError) -> errors.AwsError:
    """Return EC2's error for one of the key store's."""
    if isinstance(error, errors.PolicyDenied):
        return errors.UnauthorizedOperation(error.message)
    if isinstance(error, (errors.kms.NotFoundException, errors.kms.InvalidKeyUsageException)):
        return errors.InvalidKMSKeyNotFound(error.message)
    return errors.InvalidKMSKeyInvalidState(error.message)


def _usable(call: Call, use: KeyUse) -> str:
    record = naming.find(call, use.key)
    key = materials.usable(call, record, Usage.ENCRYPT_DECRYPT, use.operation)
    arn = naming.arn_of(call, record)
    if key.spec != specs.SYMMETRIC:
        raise errors.kms.InvalidKeyUsageException(
            f"{arn} key spec is {key.spec} which is not valid for {use.operation}."
        )
    return arn
