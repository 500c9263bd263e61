"""The life of a request to S3: one list of stages, read from top to bottom in `_stages`.

As `cloud.pipeline`, with bodies that stream: the head alone decides who calls and whether he may;
only then is a client that waits told to send its body, which a handler takes as it comes. A few
documents that policies ask about are read before. Called by `server` for each head. Not its
business: sockets (`server`), what an operation does (its row), websites (`sites`).
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field, replace
from typing import cast

from mallee.aws import errors
from mallee.aws.codec import s3 as codec
from mallee.cloud import http, parameters, quotas
from mallee.cloud.action import Action, Read, Serve, Write
from mallee.cloud.call import NOBODY, Call, Principal, Request, Result, WriteCall
from mallee.cloud.identity import authenticate, authorize, guessing, lastuse
from mallee.cloud.identity.question import Question
from mallee.cloud.s3 import forms, refusals, visits
from mallee.cloud.s3.access import contextkeys, deciding
from mallee.cloud.s3.buckets import buckets, cors, sites
from mallee.cloud.s3.exchange import Answer, May, ObjectCall, Stored
from mallee.cloud.s3.logs import accesslog
from mallee.cloud.s3.objects import locks, versions
from mallee.cloud.s3.objects.sight import Sight
from mallee.cloud.s3.sealing import keytrail, kmskeys
from mallee.cloud.s3.serving import heads, sending, slots
from mallee.cloud.s3.serving.bodies import ObjectBody, Said, Source, Text
from mallee.cloud.s3.serving.server import Outgoing
from mallee.cloud.s3.visits import Visit
from mallee.cloud.state import store
from mallee.cloud.trail import forward
from mallee.kit import clock as clocks
from mallee.kit import logs, secretbox
from mallee.model.configuration.settings import Settings
from mallee.model.identity.accounts import SYSTEM
from mallee.walrus.errors import Closed, Corrupt, Gone, NoSpace, Unreachable
from mallee.walrus.seam import Engine

DOCUMENT_BYTES_MAX = 4 << 20
"""Of a body that is no object: ten thousand parts to complete, a thousand keys to delete."""
ASKED_BYTES_MAX = 128 << 10
"""Of a document that is read before anybody knows whether its sender may: fifty tags. Of a
stranger's, who is asked about each thing in it, no more either."""
SMALL_BYTES_MAX = 128 << 10
"""Objects up to this size are read whole before they are sent."""
NO_BODY = Said(size=None)
AGAIN = 2
"""How often an object is looked up again that changed between the look and the reading."""
_MAKES = "CreateBucket"
_PUTS = "PutObject"
_OF_BLOCKS = frozenset({_PUTS, "GetObject", "HeadObject"})
"""All that hosts do in the bucket of blocks."""

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """What answering needs; all of it outlives the request."""

    settings: Settings
    store: store.Store
    engine: Engine
    key_file: secretbox.KeyFile
    keys: authenticate.Keys
    judge: authorize.Judge
    table: Mapping[str, Action]
    """By operation."""
    trail: forward.Forwarder
    key_trail: keytrail.KeyTrail
    threads: futures.Executor
    uses: lastuse.LastUses = field(default_factory=lastuse.LastUses)
    attempts: guessing.Attempts = field(default_factory=guessing.Attempts)
    bodies: slots.Slots = field(default_factory=slots.Slots)
    log: accesslog.Log = field(default_factory=accesslog.Log)
    clock: clocks.Clock = clocks.SYSTEM


async def answer(cloud: Cloud, request: http.Request, source: Source) -> Outgoing:
    """Answer a request. Never raises: whatever goes wrong is an answer too."""
    began_at = cloud.clock.monotonic()
    visit = Visit(
        request=request,
        source=source,
        id=_request_id(),
        began_at=began_at,
        sight=Sight(cloud.engine.reader),
    )
    try:
        outgoing = await _stages(cloud, visit)
    except errors.AwsError as error:
        return await _refused(cloud, visit, error)
    except NoSpace as error:
        _log.error("no room for objects", request_id=visit.id, why=str(error))
        return await _refused(cloud, visit, errors.s3.InsufficientStorage())
    except (store.Unavailable, Closed, Unreachable) as error:
        _log.error("store unavailable", request_id=visit.id, why=str(error))
        return await _refused(cloud, visit, errors.s3.ServiceUnavailable())
    except asyncio.CancelledError:
        await asyncio.shield(_refused(cloud, visit, errors.s3.ServiceUnavailable()))
        raise
    except Exception:  # noqa: BLE001 - the one place: a mistake of ours must not end the server
        _log.exception("request broke", request_id=visit.id, operation=visit.operation)
        return await _refused(cloud, visit, errors.s3.InternalError())
    await _tell(cloud, visit, outgoing.status, None)
    return _ended(cloud, visit, outgoing)


def busy() -> Outgoing:
    """Return what is answered when too much is in flight: nothing of the request was looked at."""
    return _of_error(errors.s3.SlowDown(), codec.Place(request_id=_request_id()))


async def _stages(cloud: Cloud, visit: Visit) -> Outgoing:
    request = visit.request
    site = sites.bucket_of(request.headers.get("host", ""))
    if site is not None:
        return await _stages_of_site(cloud, visit, site)
    routed = codec.route(request)
    visit.operation, visit.key = routed.operation, routed.key
    visit.bucket = routed.bucket or ""
    if visit.operation == codec.PREFLIGHT:
        return await _preflight(cloud, visit)
    if visit.operation == codec.POST_OBJECT:
        return await _stages_of_form(cloud, visit)
    visit.row = row = _row(cloud, request, routed.operation)
    now = await _look(cloud)
    caller = heads.identify(cloud.keys, request, routed.address.host_bucket, now)
    visit.principal = caller.principal
    _note_use(cloud, caller.principal, row, now)
    visit.asked = asked = codec.decode(routed, request)
    if visit.operation in contextkeys.IN_DOCUMENTS:
        return await _stages_of_document(cloud, visit, caller, now)
    question = _allowed(cloud, visit, request, now)
    body = ObjectBody(visit.source, heads.said(caller, request, asked), cloud.threads)
    with cloud.bodies.held(question.call.account, body.size or 0):
        return await _do(cloud, visit, question, body)


async def _do(cloud: Cloud, visit: Visit, question: Question, body: ObjectBody) -> Outgoing:
    """Read the body if it is a document, and do what the row does."""
    if codec.body_kind(visit.operation) is codec.BodyKind.DOCUMENT:
        is_strange = question.row.is_everyones and not question.call.account
        await _read_document(visit, body, ASKED_BYTES_MAX if is_strange else DOCUMENT_BYTES_MAX)
        _refuse_ignored(question.row, visit.asked)
        question = replace(question, asked=visit.asked)
    return await _run(cloud, visit, question, body)


async def _stages_of_document(
    cloud: Cloud, visit: Visit, caller: heads.Caller, now: float
) -> Outgoing:
    """Read a document that policies ask about before they are asked; it is small."""
    request = visit.request
    body = ObjectBody(visit.source, heads.said(caller, request, visit.asked), cloud.threads)
    with cloud.bodies.held(caller.principal.account, body.size or 0):
        await _read_document(visit, body, ASKED_BYTES_MAX)
        return await _run(cloud, visit, _allowed(cloud, visit, request, now), body)


async def _read_document(visit: Visit, body: ObjectBody, most: int) -> None:
    text = Text(most)
    await body.take(text)
    request = visit.request
    visit.asked = codec.decode(codec.route(request), request, text.data)


async def _stages_of_site(cloud: Cloud, visit: Visit, bucket: str) -> Outgoing:
    """Show a page of a bucket's website to whoever comes."""
    visit.bucket, visit.principal = bucket, NOBODY
    if visit.request.method == "OPTIONS":
        return await _preflight(cloud, visit)
    visit.is_page = True
    visit.operation = "HeadObject" if visit.request.method == "HEAD" else "GetObject"
    visit.row = _row(cloud, visit.request, visit.operation)
    now = await _look(cloud)

    async def get(key: str, request: http.Request) -> Outgoing:
        question = _allowed(cloud, visit, _page_of(visit, key, request), now)
        return await _run(cloud, visit, question, ObjectBody(visit.source, NO_BODY, cloud.threads))

    def has(key: str) -> bool:
        record = buckets.find(cloud.store.view, bucket)
        data = key.encode()
        if record is None or len(data) > versions.KEY_MAX:
            return False
        found = visit.sight.version(record.doc.number, data, None)
        if found is None or found.is_marker:
            return False
        request = _page_of(visit, key, sites.plain(visit.request, frozenset()))
        call = _call(cloud, visit, NOBODY, now)
        assert visit.row is not None
        question = Question(call=call, row=visit.row, http=request, asked=visit.asked)
        return _decide(cloud, visit, question).refusal is None

    visitor = sites.Visitor(cloud.store.view, bucket, visit.request, visit.id, get, has)
    outgoing = await sites.answer(visitor)
    # The log tells what was asked for, not what was shown instead.
    visit.key = sites.key_of(visit.request.path) or ""
    visit.error = outgoing.headers.get(sites.CODE, "")
    return outgoing


async def _preflight(cloud: Cloud, visit: Visit) -> Outgoing:
    """Tell a browser whether a page of another origin may ask."""
    visit.operation = codec.PREFLIGHT
    await _look(cloud)
    allowed = cors.preflight(cloud.store.view, visit.bucket, visit.request.headers)
    return Outgoing(status=200, headers={**allowed, **_ids(visit.id)})


def _page_of(visit: Visit, key: str, request: http.Request) -> http.Request:
    """Have the visit be about a page; return the request for it."""
    visit.key = key
    where = codec.Address(visit.bucket, key, visit.bucket)
    visit.asked = codec.decode(codec.Routed(visit.operation, where), request)
    return request


async def _stages_of_form(cloud: Cloud, visit: Visit) -> Outgoing:
    """Take a browser's form for the put that it is; its answer is as the form wishes."""
    visit.operation = _PUTS
    visit.row = row = _row(cloud, visit.request, _PUTS)
    now = await _look(cloud)
    posted = await forms.read(cloud.keys, visit.request, visit.source, now)
    visit.principal, visit.key = posted.principal, posted.asked["Key"]
    _note_use(cloud, posted.principal, row, now)
    visit.asked = posted.asked
    question = _allowed(cloud, visit, posted.request, now)
    body = ObjectBody(posted.file, posted.said, cloud.threads)
    with cloud.bodies.held(question.call.account, slots.UNKNOWN):
        return forms.answered(posted, await _run(cloud, visit, question, body))


async def _look(cloud: Cloud) -> float:
    """Look at what other processes changed; return the time."""
    # A key that IAM has just said to be gone is gone here too.
    await cloud.store.catch_up()
    cloud.key_file.look()
    return cloud.clock.now()


def _allowed(cloud: Cloud, visit: Visit, request: http.Request, now: float) -> Question:
    """Return the visit's question, which may be asked; raise when it may not."""
    assert visit.row is not None
    assert visit.principal is not None
    _refuse_ignored(visit.row, visit.asked)
    call = _call(cloud, visit, visit.principal, now)
    _check_bucket(call, visit.row, visit.bucket)
    question = Question(call=call, row=visit.row, http=request, asked=visit.asked)
    visit.outcome = _decide(cloud, visit, question)
    authorize.check(visit.outcome)
    return question


def _row(cloud: Cloud, request: http.Request, operation: str) -> Action:
    row = cloud.table.get(operation)
    if row is None:
        raise refusals.of(operation, request)
    return row


def _refuse_ignored(row: Action, asked: Request) -> None:
    try:
        parameters.refuse_ignored(row, asked)
    except errors.UnsupportedOperation as error:
        raise errors.s3.NotImplemented(error.message) from error


def _note_use(cloud: Cloud, who: Principal, row: Action, now: float) -> None:
    """Note who used what: allowed or not, he was there."""
    if who.account:
        moment = ("s3", row.name)
        cloud.uses.note(who.account, who.issuer_id, moment, now)
        if who.session is None:
            cloud.uses.note(who.account, who.access_key_id, moment, now)


def _check_bucket(call: Call, row: Action, bucket: str) -> None:
    """Say to anybody that a bucket is not there, before he is asked what he may do in it."""
    if not bucket or row.name == _MAKES:
        return
    found = buckets.find(call.view, bucket)
    is_ours = found is not None and found.account == SYSTEM.id
    if found is None or (is_ours and call.account != SYSTEM.id):
        raise errors.s3.NoSuchBucket(bucket=bucket)
    if is_ours and row.name not in _OF_BLOCKS:
        # A copy, or an upload in parts, would go around what is asked of blocks (`blockputs`).
        raise errors.s3.AccessDenied()


def _decide(cloud: Cloud, visit: Visit, question: Question) -> authorize.Outcome:
    """Ask for all that is needed; what names nothing is about everything, and never free.

    What is everyone's asks for each thing by itself (`ObjectCall.may`).
    """
    row = question.row
    if row.is_everyones:
        return authorize.Outcome(waiver=authorize.Waiver.EVERYONES)
    needs = tuple(row.needs(question.call, question.asked)) if row.needs else ()
    return deciding.decide(_court(cloud, visit), question, needs or ((row.permission, "*"),))


async def _run(cloud: Cloud, visit: Visit, question: Question, body: ObjectBody) -> Outgoing:
    """Do what the row does; return its answer, encoded, its bytes ready to be sent."""
    row, call, asked = question.row, question.call, question.asked
    match row.does:
        case Read(handle=handle):
            return await _encoded(cloud, visit, Answer(result=handle(call, asked)))
        case Write(handle=handle):
            result = await cloud.store.run(lambda tx: _write(cloud, question, tx))
            return await _encoded(cloud, visit, Answer(result=result))
        case Serve(handle=serve, changes=changes):
            whole = _object_call(cloud, visit, question, body)

            # A type in quotes is not built anew for each request.
            def again() -> "Awaitable[Answer]":
                visit.sight.forget()
                authorize.check(_decide(cloud, visit, question))
                return serve(whole, asked)

            turns = [lambda: serve(whole, asked), *([] if changes else [again] * AGAIN)]
            return await _serve(cloud, visit, turns)
        case _:
            raise AssertionError(f"{row.name} is no row of S3's")


async def _serve(
    cloud: Cloud, visit: Visit, turns: Sequence[Callable[[], Awaitable[Answer]]]
) -> Outgoing:
    """Run a handler; again when the bytes that it named were gone before they were opened."""
    try:
        for turn in turns:
            with contextlib.suppress(Gone):
                return await _encoded(cloud, visit, await turn())
        raise errors.s3.OperationAborted
    except Corrupt as error:
        _log.error("object damaged", request_id=visit.id, why=str(error))
        raise errors.s3.InternalError from error


async def _encoded(cloud: Cloud, visit: Visit, given: Answer) -> Outgoing:
    """Return what is sent; the first of an object's bytes are found to be right by then."""
    encoded = codec.encode(visit.operation, given.result)
    headers = {**encoded.headers, **given.headers, **_ids(visit.id)}
    status = given.status or encoded.status
    payload = given.payload if encoded.body is None else encoded.body
    if payload is None or visit.request.method == "HEAD":
        return Outgoing(status=status, headers=headers)
    if isinstance(payload, bytes):
        return Outgoing(status=status, headers=headers, payload=payload, size=len(payload))
    if isinstance(payload, Stored):
        sent = await _opened(cloud, payload)
        return Outgoing(status=status, headers=headers, payload=sent, size=payload.size)
    return Outgoing(status=status, headers=headers, payload=payload, size=payload.size)


async def _opened(cloud: Cloud, stored: Stored) -> "bytes | sending.Stream":
    run = asyncio.get_running_loop().run_in_executor
    reader, where = cloud.engine.reader, (stored.parts, stored.start, stored.end)
    if stored.size <= SMALL_BYTES_MAX:
        at_hand = reader.at_hand(*where)
        if at_hand is not None:
            return at_hand
        return await run(cloud.threads, reader.read, *where)
    return await run(cloud.threads, sending.open_stream, reader, *where)


def _write(cloud: Cloud, question: Question, tx: store.Tx) -> Result:
    """Run a writer in its transaction."""
    call, does = question.call, cast(Write, question.row.does)
    writer = WriteCall.within(call, tx, cloud.key_file.box)
    result = does.handle(writer, question.asked)
    quotas.check(writer)
    return result


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


def _object_call(cloud: Cloud, visit: Visit, question: Question, body: ObjectBody) -> ObjectCall:
    call, asked = question.call, question.asked
    return ObjectCall(
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
        head=question.http,
        bucket=asked.get("Bucket", ""),
        key=asked.get("Key", "").encode(),
        body=body,
        box=cloud.key_file.box,
        may=_may(cloud, visit, question),
        sight=visit.sight,
        threads=cloud.threads,
        use_key=kmskeys.user(cloud.judge, question, cloud.key_trail),
    )


def _may(cloud: Cloud, visit: Visit, question: Question) -> May:
    def may(permission: str, arn: str, version: "str | None" = None) -> bool:
        # What the request says of its own object it does not say of another.
        asked = question.asked if permission == locks.BYPASS else {"VersionId": version}
        further = replace(question, asked=asked)
        return deciding.decide(_court(cloud, visit), further, ((permission, arn),)).refusal is None

    return may


def _court(cloud: Cloud, visit: Visit) -> deciding.Court:
    return deciding.Court(cloud.judge, visit.sight)


def _request_id() -> str:
    """Return 16 characters as S3's. It is a name, not a secret, so it needs no system call."""
    return f"{random.getrandbits(64):016X}"


def _ids(id: str) -> dict[str, str]:
    return {"x-amz-request-id": id, "x-amz-id-2": id}


async def _refused(cloud: Cloud, visit: Visit, error: errors.AwsError) -> Outgoing:
    place = codec.Place(
        request_id=visit.id,
        host_id=visit.id,
        resource=visit.request.path,
        is_head=visit.request.method == "HEAD",
    )
    outgoing = _of_error(error, place)
    visit.error = error.code
    await _tell(cloud, visit, outgoing.status, error)
    return _ended(cloud, visit, outgoing)


def _ended(cloud: Cloud, visit: Visit, outgoing: Outgoing) -> Outgoing:
    """Return an answer as it is sent: for pages of other origins, and logged where that is so."""
    outgoing = _for_pages(cloud, visit, outgoing)
    return accesslog.logged(cloud.log, (cloud.store.view, cloud.clock), visit, outgoing)


def _for_pages(cloud: Cloud, visit: Visit, outgoing: Outgoing) -> Outgoing:
    """Say in an answer, whatever it is, whether a page of another origin may read it."""
    request = visit.request
    if "origin" not in request.headers or visit.operation == codec.PREFLIGHT:
        return outgoing
    found = cors.headers_of(cloud.store.view, visit.bucket, request.method, request.headers)
    return replace(outgoing, headers={**outgoing.headers, **found}) if found else outgoing


def _of_error(error: errors.AwsError, place: codec.Place) -> Outgoing:
    encoded = codec.encode_error(error, place)
    body = encoded.body or b""
    headers = {**encoded.headers, **_ids(place.request_id)}
    return Outgoing(status=encoded.status, headers=headers, payload=body, size=len(body))


async def _tell(cloud: Cloud, visit: Visit, status: int, error: errors.AwsError | None) -> None:
    """Have the trail told, where the visit is worth it."""
    if error is not None and error.is_ours:
        _log.error("request failed", request_id=visit.id, code=error.code, why=error.message)
    end = visits.End(status, error, cloud.clock.now(), cloud.clock.monotonic() - visit.began_at)
    event = visits.event_of(visit, end)
    if event is not None:
        await cloud.trail.add(event, at_once=error is None)
