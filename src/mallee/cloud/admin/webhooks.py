"""Webhooks: registering, showing and forgetting programs that are told of changes in buckets.

An account's users do it for their account, as far as its policies let them; the cloud's
administration for any. The secret is shown once, when it is made. Called through the action table.
Not its business: which buckets tell what (`cloud.s3.notifications`), and telling it (`delivering`).
"""

import datetime
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin.people import accounts
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.storage import webhooks
from mallee.model.storage.webhooks import Webhook, WebhookSeen

WebhookRecord = Record[Webhook, WebhookSeen]
_SECRET_BYTES = 32


def create(call: WriteCall, request: Request) -> Result:
    """Register a webhook; its secret is shown here and never again."""
    account = _account(call, request)
    name: str = request["Name"]
    if not webhooks.NAME.fullmatch(name):
        raise errors.InvalidInput("A webhook's name is 1 to 64 letters, digits, - and _.")
    _check_url(request["Url"])
    if call.tx.get(records.WEBHOOK, webhooks.id_of(account, name)) is not None:
        raise errors.EntityAlreadyExists("Webhook", name)
    if len(call.tx.list(records.WEBHOOK, account)) >= webhooks.OF_ACCOUNT_MAX:
        raise errors.LimitExceeded("WebhooksPerAccount", webhooks.OF_ACCOUNT_MAX)
    secret = call.entropy(_SECRET_BYTES).hex()
    doc = Webhook(
        name=name,
        url=request["Url"],
        created_at=call.now,
        sealed_secret=call.box.seal(secret.encode()),
    )
    made = call.tx.insert(records.WEBHOOK, account, webhooks.id_of(account, name), doc)
    return {"Webhook": _render(call, made), "Secret": secret}


def rotate_secret(call: WriteCall, request: Request) -> Result:
    """Give a webhook a fresh secret; what is sent from now on is signed with it."""
    record = _named(call, request)
    secret = call.entropy(_SECRET_BYTES).hex()
    sealed = call.box.seal(secret.encode())
    call.tx.write(record, replace(record.doc, sealed_secret=sealed))
    return {"Secret": secret}


def describe(call: Call, request: Request) -> Result:
    """Describe the webhooks of an account, and how delivering to them goes."""
    account = _account(call, request)
    found = sorted(call.view.list(records.WEBHOOK, account), key=lambda one: one.id)
    return {"Webhooks": [_render(call, record) for record in found]}


def delete(call: WriteCall, request: Request) -> Result:
    """Forget a webhook; what waits for it is dropped."""
    call.tx.delete(_named(call, request))
    return {}


def _named(call: WriteCall, request: Request) -> WebhookRecord:
    id = webhooks.id_of(_account(call, request), request["Name"])
    record = call.tx.get(records.WEBHOOK, id)
    if record is None:
        raise errors.NoSuchEntity("webhook", request["Name"])
    return record


def _account(call: Call, request: Request) -> str:
    """Return the account that is meant: the caller's own, save for administrators."""
    name: str | None = request.get("AccountName")
    if name is None:
        return call.account
    if not call.principal.is_cloud_admin:
        raise errors.AccessDenied(call.principal.arn, f"mallee:{call.action}", name)
    return accounts.named(call, name).id


def _check_url(url: str) -> None:
    """Raise `InvalidInput` unless it is a URL that something can be sent to."""
    try:
        parts = urlsplit(url)
        is_right = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.username is None
            and not parts.fragment
            and parts.port != 0
        )
    except ValueError:
        is_right = False
    if not is_right or len(url) > webhooks.URL_LENGTH_MAX or not _is_plain(url):
        raise errors.InvalidInput(
            "A webhook's URL begins with http:// or https://, names a host, and has neither a user "
            f"nor a fragment nor more than {webhooks.URL_LENGTH_MAX} characters."
        )


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def _render(call: Call, record: WebhookRecord) -> dict[str, Any]:
    doc, seen = record.doc, record.seen or WebhookSeen()
    shown: dict[str, Any] = {
        "Arn": webhooks.arn(call.settings.region, record.id),
        "Name": doc.name,
        "Url": doc.url,
        "CreatedAt": _time(doc.created_at),
        "Waiting": seen.waiting,
        "Dropped": seen.dropped,
    }
    if seen.delivered_at:
        shown["DeliveredAt"] = _time(seen.delivered_at)
    if seen.problem:
        shown["Problem"] = seen.problem
    return shown


def _time(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


def _row(name: str, does: Read | Write, *honours: str) -> Action:
    return Action(
        service="mallee", name=name, does=does, honours=frozenset({"AccountName", *honours})
    )


ACTIONS: tuple[Action, ...] = (
    _row("CreateWebhook", Write(handle=create), "Name", "Url"),
    _row("RotateWebhookSecret", Write(handle=rotate_secret), "Name"),
    _row("DescribeWebhooks", Read(handle=describe)),
    _row("DeleteWebhook", Write(handle=delete), "Name"),
)
