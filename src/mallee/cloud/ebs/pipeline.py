"""The life of a request to the EBS direct APIs, in the process of S3: stages, from top to bottom.

As `cloud.pipeline`, with bodies of half a MiB: they are read once the sender's key is known, and
bounded in number as S3's are. Called by `front` for each head. Not its business: sockets
(`s3.serving`), what an operation does (its row).
"""

import asyncio
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from mallee.aws import codec, errors, model
from mallee.aws.codec import restjson
from mallee.aws.signature import check, claims
from mallee.cloud import http, idempotency, keyuse, parameters, quotas
from mallee.cloud.action import Action, Serve, Write
from mallee.cloud.call import Call, Principal, Request, WriteCall
from mallee.cloud.ebs import exchange, table
from mallee.cloud.ebs.exchange import BlockCall
from mallee.cloud.ebs.trees import Trees
from mallee.cloud.identity import authenticate, authorize
from mallee.cloud.identity.question import Question
from mallee.cloud.s3.exchange import Answer
from mallee.cloud.s3.pipeline import Cloud
from mallee.cloud.s3.serving.bodies import Source
from mallee.cloud.s3.serving.server import Outgoing
from mallee.cloud.state import records, store
from mallee.cloud.trail import events
from mallee.kit import logs
from mallee.walrus.errors import Closed, NoSpace, Unreachable

SERVICE = "ebs"
BODY_BYTES_MAX = exchange.BLOCK_BYTES + (64 << 10)
UNSIGNED_BODIES = frozenset({"PutSnapshotBlock"})
"""Their bodies are vouched for by a checksum in a header that is signed."""
_ROWS: Mapping[str, Action] = {row.name: row for row in table.ROWS}
_TOLD = frozenset({"StartSnapshot", "CompleteSnapshot"})
"""What the trail is told of when it went well; of blocks it is not, as with CloudTrail."""
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_FORBIDDEN = 403
_OF_KEYS = "ec2"
"""In whose name keys of the key store are used: policies know it as `kms:ViaService`."""

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What answering needs; all of it outlives the request."""

    cloud: Cloud
    trees: Trees


@dataclass(slots=True, kw_only=True)
class Visit:
    """A request, and what the stages found out about it so far."""

    request: http.Request
    source: Source
    began_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    operation: str = ""
    row: Action | None = None
    principal: Principal | None = None
    outcome: authorize.Outcome | None = None
    asked: Request = None
    made: str = ""


async def answer(desk: Desk, request: http.Request, source: Source) -> Outgoing:
    """Answer a request. Never raises: whatever goes wrong is an answer too."""
    visit = Visit(request=request, source=source, began_at=desk.cloud.clock.monotonic())
    try:
        outgoing = await _stages(desk, visit)
    except errors.AwsError as error:
        return await _refused(desk, visit, in_own_words(error))
    except NoSpace as error:
        _log.error("no room for blocks", request_id=visit.id, why=str(error))
        return await _refused(desk, visit, errors.ebs.ServiceUnavailableException())
    except (store.Unavailable, Closed, Unreachable) as error:
        _log.error("store unavailable", request_id=visit.id, why=str(error))
        return await _refused(desk, visit, errors.ebs.ServiceUnavailableException())
    except asyncio.CancelledError:
        refusal = errors.ebs.ServiceUnavailableException()
        await asyncio.shield(_refused(desk, visit, refusal))
        raise
    except Exception:  # noqa: BLE001 - the one place: a mistake of ours must not end the server
        _log.exception("request broke", request_id=visit.id, operation=visit.operation)
        return await _refused(desk, visit, errors.ebs.InternalServerException())
    await _tell(desk, visit, outgoing.status, None)
    return outgoing


def in_own_words(error: errors.AwsError) -> errors.AwsError:
    """Return an error of all services as this one's clients know it."""
    match error:
        case errors.PolicyDenied() | errors.UnauthorizedOperation():
            return errors.ebs.AccessDeniedException(error.message)
        case errors.Throttling() | errors.RequestLimitExceeded() | errors.s3.SlowDown():
            return errors.ebs.RequestThrottledException()
        case errors.IdempotentParameterMismatch():
            return errors.ebs.ConflictException()
        case errors.UnsupportedOperation() | errors.ValidationException():
            return errors.ebs.InvalidParameter(error.message)
        case errors.InvalidKMSKeyNotFound() | errors.InvalidKMSKeyInvalidState():
            return errors.ebs.InvalidCustomerKey(error.message)
        case _:
            return error


async def _stages(desk: Desk, visit: Visit) -> Outgoing:
    cloud = desk.cloud
    routed = restjson.route(SERVICE, visit.request.method, visit.request.path)
    if routed is None:
        raise errors.InvalidAction("", model.load(SERVICE).api_version)
    visit.operation = routed.operation
    visit.row = row = _ROWS[routed.operation]
    await cloud.store.catch_up()
    cloud.key_file.look()
    now = cloud.clock.now()
    account = _expected(cloud, visit.request)
    with cloud.bodies.held(account, _length(visit.request)):
        visit.request = request = replace(visit.request, body=await _body(visit))
        visit.principal = who = authenticate.identify(cloud.keys, row, request, now)
        _note_use(cloud, who, row, now)
        visit.asked = _decoded(visit)
        parameters.refuse_ignored(row, visit.asked)
        call = _call(cloud, visit, who, now)
        question = Question(call=call, row=row, http=request, asked=visit.asked)
        visit.outcome = authorize.decide(cloud.judge, question)
        authorize.check(visit.outcome)
        means = keyuse.Means(
            cloud.judge, cloud.store, cloud.key_file.box, cloud.trail.put, _OF_KEYS
        )
        keys = await keyuse.check(means, question)
        return await _run(desk, visit, question, keys)


def _expected(cloud: Cloud, request: http.Request) -> str:
    """Return the account whose key the request names, before anything of its body is read."""
    claim = claims.parse(request, SERVICE)
    found = authenticate.holder(cloud.keys, claim.access_key_id, claim.session_token)
    if found is None or found.principal is None:
        raise check.unknown_key(SERVICE)
    return found.principal.account


def _length(request: http.Request) -> int:
    text = request.headers.get("content-length", "")
    if _LENGTH.fullmatch(text):
        return int(text)
    return BODY_BYTES_MAX if "transfer-encoding" in request.headers else 0


async def _body(visit: Visit) -> bytes:
    """Return the whole body; raise when there is more than any operation takes."""
    if _length(visit.request) > BODY_BYTES_MAX:
        raise errors.ebs.InvalidBlock(f"A block has {exchange.BLOCK_BYTES} bytes.")
    said = visit.request.headers.get("x-amz-content-sha256")
    if said == check.UNSIGNED and visit.operation not in UNSIGNED_BODIES:
        raise errors.IncompleteSignature(f"The body of {visit.operation} must be signed.")
    await visit.source.proceed()
    body = bytearray()
    while data := await visit.source.read():
        body += data
        if len(body) > BODY_BYTES_MAX:
            raise errors.ebs.InvalidBlock(f"A block has {exchange.BLOCK_BYTES} bytes.")
    return bytes(body)


def _decoded(visit: Visit) -> dict[str, Any]:
    dialect = cast(restjson.RestJsonCodec, codec.for_service(SERVICE))
    return dialect.decode(visit.operation, (), visit.request.body, visit.request)


def _note_use(cloud: Cloud, who: Principal, row: Action, now: float) -> None:
    """Note who used what: allowed or not, he was there."""
    cloud.uses.note(who.account, who.issuer_id, (SERVICE, row.name), now)
    if who.session is None:
        cloud.uses.note(who.account, who.access_key_id, (SERVICE, row.name), now)


def _call(cloud: Cloud, visit: Visit, who: Principal, now: float) -> Call:
    return Call(
        principal=who,
        action=visit.operation,
        request_id=visit.id,
        now=now,
        settings=cloud.settings,
        view=cloud.store.view,
        attempts=cloud.attempts,
        uses=cloud.uses,
        peer=visit.request.peer,
    )


async def _run(desk: Desk, visit: Visit, question: Question, keys: frozenset[str]) -> Outgoing:
    """Do what the row does; return its answer, encoded."""
    call, asked = question.call, question.asked
    match question.row.does:
        case Write():
            body = await desk.cloud.store.run(lambda tx: _write(desk, question, keys, tx))
            visit.made = body
            return _outgoing(visit, body.encode(), {})
        case Serve(handle=serve):
            given: Answer = await serve(_block_call(desk, visit, call, keys), asked)
            dialect = cast(restjson.RestJsonCodec, codec.for_service(SERVICE))
            headers = dialect.headers(visit.operation, given.result)
            if isinstance(given.payload, bytes):
                return _outgoing(visit, given.payload, headers, "application/octet-stream")
            body = dialect.encode_result(visit.operation, _in_body(visit, given.result))
            return _outgoing(visit, body.encode(), headers)
        case _:
            raise AssertionError(f"{question.row.name} is no row of EBS's")


def _in_body(visit: Visit, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a result that stand in no header."""
    shape = model.load(SERVICE).operations[visit.operation].output
    members = shape.members if shape else {}
    return {name: value for name, value in result.items() if not members[name].location}


def _write(desk: Desk, question: Question, keys: frozenset[str], tx: store.Tx) -> str:
    """Run a writer in its transaction, with its client token; return its result, encoded."""
    call, cloud, row = question.call, desk.cloud, question.row
    account = tx.get(records.ACCOUNT, call.account)
    if account is None or not account.doc.is_active:
        raise check.unknown_key(SERVICE)

    def do() -> str:
        writer = replace(WriteCall.within(call, tx, cloud.key_file.box), keys=keys)
        result = cast(Write, row.does).handle(writer, question.asked)
        quotas.check(writer)
        return codec.for_service(SERVICE).encode_result(row.name, result)

    return idempotency.once(tx, (call.account, row.permission), question.asked, do)


def _block_call(desk: Desk, visit: Visit, call: Call, keys: frozenset[str]) -> BlockCall:
    cloud = desk.cloud
    return BlockCall(
        principal=call.principal,
        action=call.action,
        request_id=call.request_id,
        now=call.now,
        settings=call.settings,
        view=call.view,
        attempts=call.attempts,
        uses=call.uses,
        peer=call.peer,
        engine=cloud.engine,
        store=cloud.store,
        trees=desk.trees,
        box=cloud.key_file.box,
        body=visit.request.body,
        keys=keys,
        threads=cloud.threads,
    )


def _outgoing(
    visit: Visit, body: bytes, headers: Mapping[str, str], kind: str = "application/json"
) -> Outgoing:
    status = model.load(SERVICE).operations[visit.operation].http.response_code
    told = {"Content-Type": kind, "x-amzn-RequestId": visit.id, **headers}
    return Outgoing(status=status, headers=told, payload=body, size=len(body))


async def _refused(desk: Desk, visit: Visit, error: errors.AwsError) -> Outgoing:
    dialect = cast(restjson.RestJsonCodec, codec.for_service(SERVICE))
    body = dialect.encode_error(error, visit.id)
    headers = {
        "Content-Type": dialect.content_type,
        "x-amzn-RequestId": visit.id,
        **dialect.error_headers(error),
    }
    await _tell(desk, visit, error.status, error)
    return Outgoing(status=error.status, headers=headers, payload=body, size=len(body))


async def _tell(desk: Desk, visit: Visit, status: int, error: errors.AwsError | None) -> None:
    """Have the trail told, where the visit is worth it."""
    if error is not None and error.is_ours:
        _log.error("request failed", request_id=visit.id, code=error.code, why=error.message)
    is_refused = visit.outcome is not None and visit.outcome.refusal is not None
    if not (is_refused or status == _FORBIDDEN or (error is None and visit.operation in _TOLD)):
        return
    cloud, request = desk.cloud, visit.request
    asked: dict[str, Any] = visit.asked or {}
    event = events.describe(
        events.Told(
            at=datetime.fromtimestamp(cloud.clock.now(), UTC),
            request_id=visit.id,
            peer=request.peer,
            endpoint=request.endpoint_id,
            agent=request.headers.get("user-agent", ""),
            service=SERVICE,
            action=visit.operation,
            principal=visit.principal,
            outcome=visit.outcome,
            asked={name: value for name, value in asked.items() if name != "BlockData"},
            about="",
            made=visit.made,
            status=status,
            error=error.code if error else "",
            message=error.message if error else "",
            ms=round((cloud.clock.monotonic() - visit.began_at) * 1000, 2),
        )
    )
    await cloud.trail.add(event, at_once=error is None)
