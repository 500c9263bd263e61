"""What an agent takes from its cloud of transfers: their ids become paths of root's, names of
objects become requests. Called by `trust` on every answer, and by `node.cloud`. Pure."""

import re

from mallee.model.storage.transfers import DISKS_MAX, FORMATS, Object, TransferPass, TransferWanted
from mallee.node.plan.trust import trustedblocks, trustedvolumes, trustedvpcs

NotTrusted = trustedvpcs.NotTrusted

PREFIXES = (
    "import-ami",
    "import-snap",
    "import-vol",
    "import-i",
    "import-reg",
    "import-restore",
    "store-ami",
    "bun",
    "export-ami",
    "export-i",
)
"""Of the ids of what a host may carry."""
_ACCOUNT = re.compile(r"[0-9]{12}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_FORMAT = re.compile(rf"|{'|'.join(FORMATS)}")
_KEY_BYTES_MAX = 1024
_CERTIFICATE_MAX = 16_384
_PORT_MAX = 65535
_SECRET = re.compile(r"[!-~]{1,8192}")


def check_transfer(transfer: TransferWanted) -> None:
    """Raise `NotTrusted` unless a host may carry such a transfer."""
    prefix = transfer.id.rpartition("-")[0]
    if prefix not in PREFIXES:
        raise NotTrusted(f"the transfer {transfer.id[:80]!r}")
    trustedvpcs.check_id(prefix, transfer.id)
    trustedvpcs.check_text("account", transfer.account, _ACCOUNT)
    if transfer.key_id:
        trustedvpcs.check_text("a key's id", transfer.key_id, trustedvolumes.KEY_ID)
    if len(transfer.disks) > DISKS_MAX:
        raise NotTrusted(f"{transfer.id} with {len(transfer.disks)} disks")
    for disk in transfer.disks:
        trustedvpcs.check_text("format", disk.format, _FORMAT)
        if disk.snapshot_id:
            trustedvpcs.check_id("snap", disk.snapshot_id)
        if disk.object is not None:
            _check_object(disk.object)
    if transfer.out is not None:
        _check_object(transfer.out.object)
        trustedvpcs.check_text("format", transfer.out.format, _FORMAT)
        if len(transfer.out.contents) > DISKS_MAX:
            raise NotTrusted(f"{transfer.id} with {len(transfer.out.contents)} disks")
        for content in (transfer.out.content, *transfer.out.contents):
            if content is not None:
                trustedblocks.check_content(content)
        if transfer.out.blob is not None:
            trustedvolumes.check_blob(transfer.out.blob, trustedvolumes.DISK_FORMATS)


def check_pass(given: TransferPass) -> TransferPass:
    """Return credentials when requests can be made with them; raise `NotTrusted`."""
    if not 0 < given.port <= _PORT_MAX:
        raise NotTrusted(f"the port {given.port}")
    if len(given.certificate) > _CERTIFICATE_MAX:
        raise NotTrusted("a certificate longer than any is")
    for text in (given.region, given.access_key_id, given.secret_access_key, given.token):
        trustedvpcs.check_text("part of credentials", text, _SECRET)
    return given


def _check_object(one: Object) -> None:
    trustedvpcs.check_text("name of a bucket", one.bucket, _BUCKET)
    if not 0 < len(one.key.encode()) <= _KEY_BYTES_MAX or not one.key.isprintable():
        raise NotTrusted("a key that no object has")
