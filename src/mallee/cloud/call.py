"""What a handler is given: who calls, what may be read, and, for writers, the transaction.

The pipeline makes these; a handler starts when everything in them is already true: the signature
holds, the request is decoded and complete, the caller is allowed, nobody asked for a dry run.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mallee.cloud.frontends.fellows import Fellows
from mallee.cloud.identity import guessing, lastuse
from mallee.cloud.state import store
from mallee.cloud.state.records import Kind
from mallee.kit import keysigner, secretbox
from mallee.model.configuration import settings
from mallee.model.identity.sessions import CallerKind, Session
from mallee.walrus.records import Usage

if TYPE_CHECKING:
    from mallee.cloud.hosts.doors.lines import Lines

Request = Any
"""A decoded request: a handler names its generated type (`aws.types.ec2.RunInstancesRequest`)."""
Result = Mapping[str, object]
"""What a handler returns: its generated type too, or any mapping with the model's member names."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: the user behind an access key, or a session; nobody for an unsigned row."""

    account: str
    """Empty for nobody."""
    user_id: str
    """`AIDA…` of a user, `AROA…:NAME` of a role session, `ACCOUNT:NAME` of a federated user."""
    user_name: str
    """Empty for who is no user."""
    arn: str
    """Of a session the session's: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/NAME`."""
    access_key_id: str
    is_cloud_admin: bool
    """Whether the cloud's own administration is his account's business."""
    is_administrator: bool = False
    """Whether he is his account's first user, to whom no policy applies."""
    kind: CallerKind = CallerKind.USER
    session: Session | None = None
    """What his temporary credentials stand for; None for a key of his own."""
    issuer_arn: str = ""
    """Of a role session the role's ARN, of a federated user the user's; else empty."""

    @property
    def issuer_id(self) -> str:
        """The id of the user or role whose policies he has: `AIDA…`, `AROA…`."""
        return self.session.issuer_id if self.session else self.user_id


NOBODY = Principal(
    account="",
    user_id="",
    user_name="",
    arn="",
    access_key_id="",
    is_cloud_admin=False,
    kind=CallerKind.NOBODY,
)
"""Who calls a row that is answered without a signature."""


@dataclass(frozen=True, slots=True)
class Agents:
    """What this process knows of agents, and of S3's processes, outside the store."""

    heard: Mapping[str, float] = field(default_factory=dict[str, float])
    """By host id: seconds since the epoch of its agent's last call."""
    authorities: Callable[[], str] = lambda: ""
    """Tells the certificates of the authorities that agents shall trust."""
    port: int = 0
    """The port of the agents' endpoint."""
    lines: "Lines | None" = None
    """The lines to guests' consoles; None where there are none."""
    signer: keysigner.Signer | None = None
    """Signs SSH keys that are pushed to guests; None where nothing signs."""
    serves_objects: Callable[[], bool] = lambda: False
    """Tells whether a process of S3 takes connections now."""
    present: Callable[[], frozenset[str] | None] = lambda: None
    """Tells which front ends are there, by id; None: this is the only one."""
    fellows: Fellows | None = None
    """The other front ends; None: there are none."""

    @property
    def ca_pem(self) -> str:
        """The certificates of the authorities that agents shall trust."""
        return self.authorities()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A reader's view of its call: the caller and the index in memory."""

    principal: Principal
    action: str
    request_id: str
    now: float
    settings: settings.Settings
    view: store.View
    agents: Agents = Agents()
    attempts: guessing.Attempts = field(default_factory=guessing.Attempts)
    """The failures of guessing secrets in this process."""
    uses: lastuse.LastUses = field(default_factory=lastuse.LastUses)
    """When people and their keys were last used."""
    trail: Path = Path()
    """Where the files of the trail lie."""
    holdings: Callable[[], Mapping[int, Usage]] = dict
    """Tells what each bucket holds, by its number."""
    peer: str = ""
    """The address that the request came from."""
    history: Callable[[Kind[Any, Any], str], list[store.Change]] = lambda _, __: []
    """Reads the newest changes of a thing, oldest first; it blocks (`Write.prepare`)."""
    rows: Mapping[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any])
    """All actions (`action.Action`) by service and name: for who tells what policies say of them.
    It is handed in, for the table itself is made of handlers' files."""

    @property
    def account(self) -> str:
        """The caller's account: the only one whose things a handler may show or touch."""
        return self.principal.account


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteCall(Call):
    """A writer's call: everything it changes goes through `tx`, all of it or nothing.

    It runs in the store's writer thread, possibly more than once: it must change nothing but `tx`.
    """

    tx: store.Tx
    entropy: Callable[[int], bytes]
    """Random bytes for ids, addresses and keys."""
    box: secretbox.SecretBox
    """Seals secrets that are kept in the database."""
    keys: frozenset[str] = frozenset()
    """The ARNs of keys of the key store that may be used for this call (`Action.uses_keys`)."""
    prepared: Any = None
    """What the row's `Write.prepare` returned."""

    @classmethod
    def within(cls, call: Call, tx: store.Tx, box: secretbox.SecretBox) -> "WriteCall":
        """Return a call as its transaction knows it."""
        return cls(
            principal=call.principal,
            action=call.action,
            request_id=call.request_id,
            now=tx.now,
            settings=call.settings,
            # The view is the event loop's; in the writer's thread one reads what one writes.
            view=cast(store.View, tx),
            agents=call.agents,
            peer=call.peer,
            attempts=call.attempts,
            uses=call.uses,
            rows=call.rows,
            tx=tx,
            entropy=os.urandom,
            box=box,
        )
