"""Alice: a user of a running cloud's first account, for tests of what she may and may not."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
from msgspec.structs import replace

from mallee.cloud import accounts, actions
from mallee.cloud.action import Action
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.identity.identities import Group, Role, User
from tests.cloud import samples
from tests.cloud.running import RunningCloud, fresh
from tests.cloud.signing import Sender

DENIALS = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")
USER = "AIDATESTTESTTESTTESTT"
GROUP = "AGPATESTTESTTESTTESTT"
ROLE = "AROATESTTESTTESTTESTT"


@dataclass
class Alice:
    """A user of the first account, whose policies a test sets."""

    cloud: RunningCloud
    key: dict[str, str]

    def may(self, *statements: dict[str, Any], **changes: Any) -> None:
        """Give her one inline policy, and nothing else."""
        inline = {"only": text(*statements)} if statements else {}
        changes = {"attached": (), "group_ids": (), "boundary": None, **changes}

        def write(tx: store.Tx) -> None:
            record = tx.get(records.USER, USER)
            assert record is not None
            tx.write(record, replace(record.doc, inline=inline, **changes))

        self.cloud.store.transact(write)

    def asks(self, row: Action | str, request: dict[str, Any] | None = None) -> str:
        """Ask for an action; return the code of the error, or nothing."""
        return self.error(row, request).get("Code", "")

    def error(self, row: Action | str, request: dict[str, Any] | None = None) -> dict[str, str]:
        row = actions.TABLE["ec2", row] if isinstance(row, str) else row
        if request is None:
            request = samples.request(row.service, row.name)
            if row.name == "AssumeRole":
                # Of a role that is not there AWS says that one may not.
                account = self.cloud.admin["account_id"]
                request["RoleArn"] = f"arn:aws:iam::{account}:role/work"
        if row.service == "mallee":
            spelled = dict(_spelled(request))
            answer = Sender(self.cloud.port, self.key).ask("mallee", row.name, **spelled)
            return {"Code": answer.code, "Message": answer.message}
        try:
            self.cloud.client(row.service, self.key)._make_api_call(row.name, request)
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]
        return {}


def _spelled(request: dict[str, str | list[str]]) -> Iterator[tuple[str, str]]:
    """Yield parameters as a form has them, each member of a list by itself."""
    for name, value in request.items():
        if isinstance(value, list):
            yield from ((f"{name}.member.{at}", one) for at, one in enumerate(value, start=1))
        else:
            yield name, value


@contextmanager
def running() -> Generator[Alice]:
    """A cloud with her in it."""
    with fresh() as cloud:
        yield Alice(cloud, cloud.store.transact(lambda tx: _make(tx, cloud)))


def text(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(*names: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": names, "Resource": resource, **more}


def deny(*names: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": names, "Resource": resource, **more}


def _make(tx: store.Tx, cloud: RunningCloud) -> dict[str, str]:
    account = cloud.admin["account_id"]
    user = User(id=USER, name="alice", path="/staff/", created_at=tx.now, tags={"Team": "red"})
    box = secretbox.load_or_create(cloud.layout.master_key)
    means = accounts.Means(cloud.settings, lambda count: bytes(range(count)), box)
    made = accounts.create_key(tx, accounts.create_user(tx, account, user), means)
    group = Group(id=GROUP, name="staff", created_at=tx.now, inline={"see": text(allow("ec2:D*"))})
    tx.insert(records.GROUP, account, GROUP, group)
    trust = text({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": account}})
    role = Role(id=ROLE, name="work", created_at=tx.now, trust=trust)
    tx.claim(accounts.names_of(records.ROLE, account), role.name, ROLE)
    tx.insert(records.ROLE, account, ROLE, role)
    return {
        "account_id": account,
        "access_key_id": made.key.id,
        "secret_access_key": made.secret,
    }
