"""The life of a request: one list of stages, read from top to bottom in `_stages`.

Each stage is one line, and what it needs of the request is true when it begins: nothing is decoded
before its signature holds, nothing is looked up before the caller may ask, nothing is done when
only a dry run was wanted. Whatever a stage raises becomes an answer in one place, `answer`, in the
dialect of the service. Called by `server` for each request that was read whole.
Not its business: sockets (`server`), what an action does (its row in `actions`).
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import cast

from mallee.aws import codec, errors
from mallee.aws.signature import check
from mallee.cloud import heartbeat, http, idempotency, keyuse, listing, parameters, quotas, services
from mallee.cloud.action import (
    Action,
    AskHost,
    Compute,
    Listing,
    Pages,
    Read,
    Scan,
    Serve,
    Write,
)
from mallee.cloud.call import Agents, Call, Principal, Request, Result, WriteCall
from mallee.cloud.hosts.doors import asks
from mallee.cloud.identity import (
    authenticate,
    authorize,
    effort,
    guessing,
    keysets,
    lastuse,
    strangers,
)
from mallee.cloud.identity.question import Question
from mallee.cloud.modes import refusals
from mallee.cloud.state import records, store
from mallee.cloud.sts import restrictions
from mallee.cloud.trail import events, journal
from mallee.kit import clock as clocks
from mallee.kit import logs, secretbox
from mallee.model.configuration import settings
from mallee.walrus.records import Usage

_log = logs.get(__name__)

GREETING = http.Response(status=200, body=b"mallee\n", content_type="text/plain")
"""What `GET /` gets from nobody in particular: that something listens, and nothing about it."""

DATABASE_AWAY = (
    "The cloud's database cannot be used at the moment, so nothing was changed; "
    "its administrator finds the cause in the log (mallee logs cloud)."
)

DATABASE_SILENT = (
    "The cloud's database took the request and has not said whether it is done. See what is there "
    "before you ask again; with the same client token it is never done twice."
)

_STRANGERS_DIALECT, _STRANGERS_JSON = "sts", "cloudtrail"
"""In which a request is refused that names no service of this cloud, in XML or JSON as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """What answering needs; all of it outlives the request."""

    settings: settings.Settings
    store: store.Store
    box: secretbox.SecretBox
    keys: authenticate.Keys
    judge: authorize.Judge
    asks: asks.Asks
    agents: Agents
    table: dict[tuple[str, str], Action]
    trail: journal.Journal
    holdings: Callable[[], Mapping[int, Usage]] = dict
    """Tells what each bucket holds, by its number."""
    attempts: guessing.Attempts = field(default_factory=guessing.Attempts)
    uses: lastuse.LastUses = field(default_factory=lastuse.LastUses)
    issuers: keysets.KeySets = field(default_factory=keysets.KeySets)
    gate: strangers.Gate = field(default_factory=strangers.Gate)
    clock: clocks.Clock = clocks.SYSTEM


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request, and what the stages found out about it so far: for errors and for the log."""

    request: http.Request
    id: str
    began_at: float
    """Monotonic seconds."""
    service: services.Service | None = None
    operation: str = ""
    principal: Principal | None = None
    outcome: authorize.Outcome | None = None
    """Whether he may, and by which statements; None: it did not come to that."""
    keys: frozenset[str] = frozenset()
    """The keys of the key store that may be used for it."""
    row: Action | None = None
    asked: Request = None
    """The request, decoded."""
    about: str = ""
    """The account that it is about, where the row says that it may be another's."""
    made: str = ""
    """The encoded result of what changed something."""
    error: errors.AwsError | None = None
    within: Callable[[WriteCall, Result], None] | None = None
    """What a service that asks in its own name does besides, in the same transaction."""


async def answer(cloud: Cloud, request: http.Request) -> http.Response:
    """Answer a request. Never raises: whatever goes wrong is an answer too."""
    if _is_greeting(request):
        return GREETING
    if heartbeat.is_asked(request):
        return heartbeat.answer(cloud.agents, cloud.store.view)
    exchange = begin(cloud, request)
    try:
        body = await _stages(cloud, exchange)
    except errors.AwsError as error:
        return end_refused(cloud, exchange, error)
    except store.Unavailable as error:
        # Cause and cure name the database's place: that is the administrator's to read.
        _log.error("database unavailable", request_id=exchange.id, why=str(error))
        unavailable = exchange.service.unavailable if exchange.service else errors.Unavailable
        is_open = isinstance(error, store.Unsettled)
        return end_refused(
            cloud, exchange, unavailable(DATABASE_SILENT if is_open else DATABASE_AWAY)
        )
    except asyncio.CancelledError:
        # What it asked for may be done all the same: it is told, and nobody gets the answer.
        end_refused(cloud, exchange, errors.Unavailable("The cloud ended before it could answer."))
        raise
    except Exception:  # noqa: BLE001 - the one place: a mistake of ours must not end the server
        _log.exception("request broke", request_id=exchange.id, operation=exchange.operation)
        internal = exchange.service.internal if exchange.service else errors.InternalError
        return end_refused(cloud, exchange, internal())
    return end(cloud, exchange, body)


def refuse(cloud: Cloud, request: http.Request, error: errors.AwsError) -> http.Response:
    """Answer a request whose body was not read, in the dialect of the service it names, if any."""
    exchange = begin(cloud, request)
    try:
        exchange.service = services.find(request, ())
    except errors.AwsError:
        exchange.service = None
    return end_refused(cloud, exchange, error)


async def _stages(cloud: Cloud, exchange: Exchange) -> bytes:
    request = exchange.request
    given = parameters.read(request)
    services.check_endpoint(request, given)
    exchange.service = service = services.find(request, given)
    exchange.operation = operation = services.find_operation(service, given, request)
    exchange.row = action = services.find_action(cloud.table, service, operation)
    if service.is_shared or cloud.store.is_shared:
        await cloud.store.catch_up()
    now = cloud.clock.now()
    if action.is_unsigned and not cloud.gate.admit(request.peer, now):
        raise errors.Throttling
    signed = replace(action, service=service.signs_as) if service.signs_as else action
    exchange.principal = who = authenticate.identify(cloud.keys, signed, request, now)
    await authenticate.use_up(cloud.keys, signed, request)
    _note_use(cloud, who, action, now)
    restrictions.check(who, action)
    dialect = codec.for_service(service.name)
    exchange.asked = dialect.decode(operation, given, request.body, request)
    encoded = await perform(cloud, exchange, now)
    if action.beside is not None and services.is_by_old_path(request):
        encoded += action.beside(call_of(cloud, exchange, who, now))
    return dialect.wrap(operation, encoded, exchange.id)


async def perform(cloud: Cloud, exchange: Exchange, now: float) -> str:
    """Do what the exchange's principal asks, if he may; return the result, encoded."""
    action, request = cast(Action, exchange.row), exchange.request
    who, asked = cast(Principal, exchange.principal), exchange.asked
    refusals.check(action, cloud.settings.network)
    parameters.refuse_ignored(action, asked)
    parameters.refuse_long(action, asked)
    call = call_of(cloud, exchange, who, now)
    if action.completes is not None:
        asked = action.completes(call, asked)
    exchange.about = action.about(call, asked) if action.about else ""
    if action.vouch is not None:
        exchange.principal = await action.vouch(call, asked, cloud.issuers)
        call = replace(call, principal=exchange.principal)
    question = Question(call=call, row=action, http=request, asked=asked, sent=exchange.asked)
    exchange.outcome = authorize.decide(cloud.judge, question)
    authorize.check(exchange.outcome)
    tell = partial(cloud.trail.add, at_once=False)
    means = keyuse.Means(cloud.judge, cloud.store, cloud.box, tell)
    exchange.keys = await keyuse.check(means, question)
    if not isinstance(action.does, Compute):
        _end_dry_run(asked)
    encoded = await _run(cloud, exchange, call, asked)
    if events.is_change(action):
        exchange.made = encoded
    return encoded


def _note_use(cloud: Cloud, who: Principal, action: Action, now: float) -> None:
    """Note who used what: allowed or not, he was there."""
    if who.account:
        moment = (action.service, action.name)
        cloud.uses.note(who.account, who.issuer_id, moment, now)
        if who.session is None:
            cloud.uses.note(who.account, who.access_key_id, moment, now)


def _end_dry_run(asked: Request) -> None:
    if asked.get("DryRun"):
        raise errors.DryRunOperation


def _weigh(cloud: Cloud, action: Action, call: Call, asked: Request) -> str:
    """Run what weighs policies in its account's share of the process; raise `Throttling` beyond."""
    spent, began_s = cloud.judge.spent, effort.clock_s()
    if not spent.may_begin(call.account, call.now):
        raise errors.Throttling
    try:
        return _look(cloud, action, call, asked)
    finally:
        spent.spend(call.account, effort.clock_s() - began_s, call.now)


def _look(cloud: Cloud, action: Action, call: Call, asked: Request) -> str:
    """Return the encoded result of what only looks, and waits for nothing."""
    match action.does:
        case Listing():
            result = listing.run(action, call, asked, cloud.box)
        case Pages():
            result = listing.run_pages(action, call, asked, cloud.box)
        case does:
            result = cast(Read, does).handle(call, asked)
    return codec.for_service(action.service).encode_result(action.name, result)


async def _run(cloud: Cloud, exchange: Exchange, call: Call, asked: Request) -> str:
    """Do what the action does; return its result, encoded."""
    action = cast(Action, exchange.row)
    match action.does:
        case Write():
            return await _write(cloud, exchange, call, asked)
        case Read() | Listing() | Pages():
            look = _weigh if action.is_weighing else _look
            return look(cloud, action, call, asked)
        case Scan():
            if not cloud.gate.admit(f"scan:{call.account}", call.now):
                raise errors.Throttling
            result = await asyncio.to_thread(listing.run_scan, action, call, asked, cloud.box)
        case AskHost() as does:
            question = asks.Question(*does.prepare(call, asked), account=call.account)
            check_heard(call, question.host_id)
            told = await cloud.asks.ask(question)
            onwards = does.goes_on(call, asked, told) if does.goes_on is not None else None
            if onwards is not None:
                more = await cloud.asks.ask(asks.Question(*onwards, account=call.account))
                told = told + b"\n" + more
            finish = partial(does.finish, call, asked, told)
            result = await asyncio.to_thread(finish) if does.is_slow else finish()
        case Compute() as does:
            work = does.prepare(call, asked, cloud.box)
            _end_dry_run(asked)
            result = await asyncio.to_thread(work) if does.is_slow else work()
        case Serve():
            raise AssertionError(f"{action.permission} is another process's")
    return codec.for_service(action.service).encode_result(action.name, result)


def check_heard(call: Call, host_id: str) -> None:
    """Refuse at once what a silent host would only be waited for."""
    host = call.view.get(records.HOST, host_id)
    if host is None or host.seen is None or host.seen.is_silent:
        raise errors.Unavailable(
            f"Host {host.doc.name if host else host_id} says nothing at the moment. "
            "Try again when it is back; `mallee doctor` on the host says what is wrong."
        )


async def _write(cloud: Cloud, exchange: Exchange, call: Call, asked: Request) -> str:
    """Run a writer in one transaction with its client token; return its result, encoded."""
    action, sent = cast(Action, exchange.row), exchange.asked
    dialect = codec.for_service(action.service)
    does = cast(Write, action.does)
    work = does.prepare(call, asked, cloud.box) if does.prepare else None
    prepared = await asyncio.to_thread(work) if work else None
    if does.asks is not None:
        question = asks.Question(*does.asks(call, asked), account=call.account)
        check_heard(call, question.host_id)
        prepared = asks.Told(question.detail, await cloud.asks.ask(question))

    def in_transaction(tx: store.Tx) -> str:
        _check_standing(tx, call, action)

        def do() -> str:
            within = WriteCall.within(call, tx, cloud.box)
            writer = replace(within, keys=exchange.keys, prepared=prepared)
            result = does.handle(writer, asked)
            if exchange.within is not None:
                exchange.within(writer, result)
            quotas.check(writer)
            return dialect.encode_result(action.name, result)

        return idempotency.once(tx, (call.account, action.permission), sent, do)

    return await cloud.store.run(in_transaction)


def _check_standing(tx: store.Tx, call: Call, action: Action) -> None:
    """Refuse who was known a moment ago: nothing comes into an account that is being deleted."""
    if action.is_unsigned:
        return
    account = tx.get(records.ACCOUNT, call.account)
    if account is None or not account.doc.is_active:
        raise check.unknown_key(action.service)


def call_of(cloud: Cloud, exchange: Exchange, who: Principal, now: float) -> Call:
    """Return what a reader is given."""
    return Call(
        principal=who,
        action=exchange.operation,
        request_id=exchange.id,
        now=now,
        settings=cloud.settings,
        view=cloud.store.view,
        agents=cloud.agents,
        trail=cloud.trail.directory,
        holdings=cloud.holdings,
        peer=exchange.request.peer,
        attempts=cloud.attempts,
        uses=cloud.uses,
        history=cloud.store.history,
        rows=cloud.table,
    )


def _is_greeting(request: http.Request) -> bool:
    return (
        request.method == "GET"
        and request.path == "/"
        and not request.query
        and "authorization" not in request.headers
    )


def begin(cloud: Cloud, request: http.Request) -> Exchange:
    """Return what is known of a request before anybody looks at it."""
    return Exchange(request=request, id=_request_id(), began_at=cloud.clock.monotonic())


def _request_id() -> str:
    """Return a UUID of version 4. It is a name, not a secret, so it needs no system call."""
    digits = f"{random.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def end_refused(cloud: Cloud, exchange: Exchange, error: errors.AwsError) -> http.Response:
    """Log a refusal and make its answer."""
    exchange.error = error
    return end(cloud, exchange, _dialect(exchange).encode_error(error, exchange.id))


def end(cloud: Cloud, exchange: Exchange, body: bytes) -> http.Response:
    """Log the exchange and make its answer."""
    error = exchange.error
    dialect = _dialect(exchange)
    status = error.status if error else _status(exchange, dialect)
    who = exchange.principal
    headers = exchange.request.headers
    event = events.describe(
        events.Told(
            at=datetime.fromtimestamp(cloud.clock.now(), UTC),
            request_id=exchange.id,
            peer=exchange.request.peer,
            endpoint=exchange.request.endpoint_id,
            agent=headers.get("user-agent", ""),
            service=exchange.service.name if exchange.service else "",
            action=exchange.operation,
            principal=who,
            outcome=exchange.outcome,
            asked=exchange.asked,
            about=exchange.about,
            made=exchange.made,
            status=status,
            error=error.code if error else "",
            message=error.message if error else "",
            ms=round((cloud.clock.monotonic() - exchange.began_at) * 1000, 2),
        )
    )
    is_change = error is None and events.is_change(exchange.row)
    cloud.trail.add(event, at_once=is_change)
    if error is not None and error.is_ours:
        _log.error("request failed", request_id=exchange.id, code=error.code, why=error.message)
    return http.Response(
        status=status,
        body=body,
        content_type=dialect.content_type,
        headers={
            "x-amzn-RequestId": exchange.id,
            **(dialect.error_headers(error) if error else {}),
        },
    )


def _status(exchange: Exchange, dialect: codec.Codec) -> int:
    return dialect.status(exchange.operation) if exchange.operation else 200


def _dialect(exchange: Exchange) -> codec.Codec:
    if exchange.service:
        return codec.for_service(exchange.service.name)
    is_json = "x-amz-target" in exchange.request.headers
    return codec.for_service(_STRANGERS_JSON if is_json else _STRANGERS_DIALECT)
