"""What a cloud needs before it can answer: keys, an authority, the first account.

Runs at every start of the cloud process and makes only what is missing, so a start that was killed
half-way is finished by the next one. The first account is the cloud's administration; its access
key lies in a file for the owner of the machine, and is made anew when it was lost, which is the way
back in. Not its business: directories, rights and users (`box`).
"""

import asyncio
import gc
import os
import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mallee.cloud import accounts
from mallee.cloud.blocks import shelf
from mallee.cloud.ec2.vpc import vpcs
from mallee.cloud.frontends import presence
from mallee.cloud.modes import settling
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.cloud.trail import journal
from mallee.kit import authorities, clock, files, keysigner, logs, pki, sealedto, secretbox
from mallee.kit.chain import keyfile, writer
from mallee.model.configuration import settings
from mallee.model.configuration.settings import Settings
from mallee.model.hosts import hosts
from mallee.model.identity.accounts import AccessKey, Account
from mallee.model.layout import Layout

FIRST_ACCOUNT = "admin"
S3_PROCESSES_MAX = 4
"""As far as nobody wants more."""
COLLECT_AFTER = 20_000
"""Objects made and not freed after which the garbage collector looks at the youngest."""
LOOK_AGAIN_S = 0.05
"""How often a process beside the cloud's looks whether that has begun."""
SERVER_CERTIFICATE_LIFE_S = 397 * pki.DAY_S

CANNOT_START = (
    presence.Removed,
    presence.TwoStores,
    settings.InvalidSettings,
    store.Unavailable,
    secretbox.BadKeyFile,
    secretbox.Unsealable,
    pki.BadCertificate,
    keyfile.BadKey,
    writer.Held,
)
"""What can be wrong with a machine, and not with us: their messages say cause and cure."""

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys of this cloud."""

    box: secretbox.SecretBox
    authorities: authorities.Authorities
    own: X25519PrivateKey
    """To which other front ends seal what is for this one alone."""

    @property
    def ca_pem(self) -> str:
        """The certificates of the authorities that are trusted now."""
        return self.authorities.bundle_pem


def s3_processes(settings: Settings) -> int:
    """Return how many processes serve S3: who gives connections to them must know as well."""
    available = len(os.sched_getaffinity(0))
    return settings.objects.processes or min(S3_PROCESSES_MAX, available)


def read_settings(layout: Layout) -> Settings:
    """Return the cloud's settings, the defaults where none are written; raise `InvalidSettings`."""
    return settings.parse(layout.settings.read_text() if layout.settings.exists() else "")


@contextmanager
def announcing(layout: Layout) -> Generator[Callable[[Mapping[str, int]], None]]:
    """Give a function that says on which ports the cloud answers; take it back at the end.

    What a process that was killed had said is taken back at the beginning.
    """
    layout.cloud_ports.unlink(missing_ok=True)
    try:
        yield lambda ports: files.write_json(layout.cloud_ports, dict(ports), files.READABLE)
    finally:
        layout.cloud_ports.unlink(missing_ok=True)


def prepare_secrets(layout: Layout, now: float) -> Secrets:
    """Return the cloud's keys, made at the first start."""
    layout.cloud.mkdir(parents=True, exist_ok=True)
    layout.cloud_pki.mkdir(mode=0o700, exist_ok=True)
    return Secrets(
        box=secretbox.load_or_create(layout.master_key),
        authorities=authorities.load_or_create(layout.cloud_pki / "authority.pem", now),
        own=sealedto.load_or_create(layout.front_end_key),
    )


def open_store(
    layout: Layout, configured: Settings, secrets: Secrets, clock: clock.Clock
) -> store.Store:
    """Open the store and see that the first account is in it; blocks until it is on disk."""
    with ExitStack() as undo:
        opened = store.Store.open(database_url(layout, configured), clock=clock)
        undo.callback(opened.close)
        prepare_first_account(opened, layout, accounts.Means(configured, os.urandom, secrets.box))
        undo.pop_all()
    _settle_memory()
    return opened


async def join_store(layout: Layout, configured: Settings, clock: clock.Clock) -> store.Store:
    """Open the store in a process beside the cloud's, once that has prepared everything."""
    while not layout.cloud_ports.exists():
        await asyncio.sleep(LOOK_AGAIN_S)
    opened = store.Store.open(database_url(layout, configured), clock=clock)
    _settle_memory()
    return opened


def database_url(layout: Layout, configured: Settings) -> str:
    """Return where the cloud's database is."""
    return configured.database_url or f"sqlite:///{layout.database}"


def _settle_memory() -> None:
    """See that the garbage collector is not in the way of requests."""
    # What was loaded stays for the life of the process: collections need not look at it again.
    gc.collect()
    gc.freeze()
    # A request leaves no cycles behind, so they are looked for less often than Python would.
    gc.set_threshold(COLLECT_AFTER)


def open_trail(layout: Layout, configured: Settings) -> journal.Journal:
    """Return the trail, to be gone on with where it ends; raises `BadKey` and `Held`."""
    return journal.Journal(layout.trail, keyfile.load_or_create(layout.trail_key), configured)


def prepare_signer(layout: Layout, configured: Settings, now: float) -> keysigner.Signer:
    """Return what signs SSH keys for guests, made at the first start in a region of that name."""
    path = layout.cloud_pki / "key-signer.pem"
    name = f"managed-ssh-signer.{configured.region}.{hosts.SERVICES_DOMAIN}"
    if path.exists():
        found = keysigner.load(path.read_bytes())
        if found.name == name:
            return found
    made = keysigner.create(name, f"mallee-key-signer-{os.urandom(4).hex()}", now)
    files.write_atomically(path, keysigner.encode(made))
    return made


def prepare_tls(layout: Layout, secrets: Secrets, configured: Settings) -> ssl.SSLContext:
    """Return the agents' endpoint's TLS context with a fresh server certificate.

    A client certificate is asked for and checked, but not demanded: who joins has none yet.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_OPTIONAL

    def certify() -> None:
        _certify(context, layout, secrets, configured)

    certify()
    # From then on: connections that there are go on, and what is trusted no more is refused by who
    # reads certificates (`callers`).
    secrets.authorities.changed.append(certify)
    return context


def _certify(
    context: ssl.SSLContext, layout: Layout, secrets: Secrets, configured: Settings
) -> None:
    names = dict.fromkeys((hosts.CLOUD_NAME, configured.listen, "127.0.0.1", "localhost"))
    request = pki.make_request(hosts.CLOUD_NAME)
    grant = pki.Grant(
        name=hosts.CLOUD_NAME,
        now=clock.SYSTEM.now(),
        life_s=SERVER_CERTIFICATE_LIFE_S,
        hosts=tuple(names),
    )
    certificate = layout.cloud_pki / "server.pem"
    issued = pki.issue(secrets.authorities.signer, request.csr_pem, grant)
    files.write_atomically(certificate, issued + request.key_pem)
    context.load_cert_chain(certificate)
    context.load_verify_locations(cadata=secrets.ca_pem)


def prepare_first_account(opened: store.Store, layout: Layout, means: accounts.Means) -> None:
    """Make the first account, and write down an access key of it where none is written."""
    key = opened.transact(lambda tx: _ensure_first_key(tx, means))
    secret = means.box.open(key.doc.sealed_secret).decode()
    credentials = {
        "account_id": key.account,
        "access_key_id": key.id,
        "secret_access_key": secret,
    }
    path = layout.admin_credentials
    if files.read_json(path) != credentials:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(path, credentials)
        _log.info("credentials written", account=key.account, access_key=key.id)


def _ensure_first_key(tx: store.Tx, means: accounts.Means) -> Record[AccessKey, None]:
    for account in tx.list(records.ACCOUNT):
        accounts.ensure_administrator(tx, account)
    vpcs.complete(tx, means.settings, means.entropy)
    settling.settle(tx, means.settings, means.entropy)
    shelf.ensure(tx, means.box, means.entropy)
    first = _first_account(tx)
    if first is None:
        first = accounts.create(tx, FIRST_ACCOUNT, means, is_cloud_admin=True)
    user = accounts.administrator(tx, first)
    active = [key for key in tx.by(records.ACCESS_KEY, "user", user.id) if _is_active(key)]
    if active:
        return min(active, key=lambda key: key.doc.created_at)
    made = accounts.create_key(tx, user, means)
    record = tx.get(records.ACCESS_KEY, made.key.id)
    assert record is not None
    return record


def _is_active(key: Record[AccessKey, None]) -> bool:
    return key.doc.status == "Active"


def _first_account(tx: store.Tx) -> Record[Account, None] | None:
    admins = [record for record in tx.list(records.ACCOUNT) if record.doc.is_cloud_admin]
    return min(admins, key=lambda record: record.doc.created_at, default=None)
