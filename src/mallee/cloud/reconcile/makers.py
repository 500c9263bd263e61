"""Calls of a reconciler's for whoever asked: what follows from a request, when its time has come.

What a task makes at its end is made by the rows' own functions, as a call of the user or role that
began it: its account, its quotas, its name on what is made. Who is gone, or off, makes nothing.
Called by reconcilers within their transactions. Not its business: whether that was allowed, which
was asked when the task began.
"""

import os
from dataclasses import dataclass
from typing import Any, cast

from mallee.aws import errors
from mallee.cloud.call import Principal, WriteCall
from mallee.cloud.identity import authenticate
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit.secretbox import SecretBox
from mallee.model.configuration.settings import Settings
from mallee.model.identity import identities
from mallee.model.identity.accounts import Account
from mallee.model.identity.sessions import CallerKind, Session
from mallee.model.storage.transfers import Task

_SESSION = "tasks"


@dataclass(frozen=True, slots=True)
class Means:
    """What calls take besides a transaction."""

    settings: Settings
    box: SecretBox


def call_of(tx: store.Tx, means: Means, action: str, record: Record[Task, Any]) -> WriteCall:
    """Return a call of who began a task. Raises `AuthFailure` when he is not there any more."""
    key = record.doc.key
    return WriteCall(
        principal=_principal(tx, record),
        action=action,
        request_id=record.id,
        now=tx.now,
        settings=means.settings,
        view=cast(store.View, tx),
        tx=tx,
        entropy=os.urandom,
        box=means.box,
        # That he may use it was asked when the task began.
        keys=frozenset({key.kms_key}) if key is not None else frozenset(),
    )


def _principal(tx: store.Tx, record: Record[Any, Any]) -> Principal:
    account = tx.get(records.ACCOUNT, record.account)
    if account is not None and account.doc.is_active:
        user = tx.get(records.USER, record.doc.made_by)
        if user is not None and user.account == account.id and user.doc.is_enabled:
            return authenticate.principal_of(account.doc, user.doc, "")
        role = tx.get(records.ROLE, record.doc.made_by)
        if role is not None and role.account == account.id:
            return _of_role(account.doc, role, tx.now)
    raise errors.AuthFailure


def _of_role(account: Account, role: Record[Any, Any], now: float) -> Principal:
    session = Session(
        kind=CallerKind.ROLE,
        account=account.id,
        issuer_id=role.id,
        name=_SESSION,
        issued_at=now,
        expires_at=now,
    )
    return Principal(
        account=account.id,
        user_id=f"{role.id}:{_SESSION}",
        user_name="",
        arn=authenticate.role_session_arn(account.id, role.doc, _SESSION),
        access_key_id="",
        is_cloud_admin=account.is_cloud_admin,
        kind=CallerKind.ROLE,
        session=session,
        issuer_arn=identities.arn(account.id, "role", role.doc.path, role.doc.name),
    )
