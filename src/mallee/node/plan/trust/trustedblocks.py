"""What an agent takes from its cloud of the object store: a pass becomes addresses and headers.

Called by `node.cloud` on every answer. Pure.
"""

import re

from mallee.model.storage.fastrestores import PinWanted
from mallee.model.storage.passes import Pass, PassRequest
from mallee.model.storage.snapshots import LAYER_MAX, Content, UploadWanted
from mallee.node.plan.trust import trustedvpcs

NotTrusted = trustedvpcs.NotTrusted

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")
_TOKEN = re.compile(r"[A-Za-z0-9+/=]{1,8000}")
_ROOT = re.compile(r"[0-9a-f]{64}")
_TIME_MAX = 1 << 34
_SIZE_MAX_BYTES = 64 << 40


def check_pass(given: Pass, asked: PassRequest) -> Pass:
    """Return a pass when it is what was asked for, and can be used; raise `NotTrusted`."""
    if given.account != asked.account:
        raise NotTrusted("a pass for another account")
    trustedvpcs.check_text("account", given.account, _ACCOUNT)
    trustedvpcs.check_text("bucket", given.bucket, _NAME)
    trustedvpcs.check_text("region", given.region, _NAME)
    trustedvpcs.check_text("access key", given.access_key_id, _KEY_ID)
    trustedvpcs.check_text("secret", given.secret_access_key, _TOKEN)
    trustedvpcs.check_text("token", given.token, _TOKEN)
    if not (0 < given.port < 1 << 16 and 0 <= given.expires_at <= _TIME_MAX and given.epoch >= 0):
        raise NotTrusted("a pass with numbers that are none")
    return given


def check_upload(volume_id: str, upload: UploadWanted) -> None:
    """Raise `NotTrusted` unless a cut may be brought as the cloud wants it."""
    trustedvpcs.check_id("snap", upload.snapshot_id)
    trustedvpcs.check_text("account", upload.account, _ACCOUNT)
    if not (0 < upload.cut <= LAYER_MAX and 0 <= upload.base_cut <= LAYER_MAX):
        raise NotTrusted(f"the layer {upload.cut} of {volume_id} over {upload.base_cut}")
    if upload.parent is not None:
        check_content(upload.parent)


def check_pin(pin: PinWanted) -> None:
    """Raise `NotTrusted` unless all of a snapshot may be kept at hand."""
    trustedvpcs.check_id("snap", pin.snapshot_id)
    check_content(pin.content)


def check_content(content: Content) -> None:
    """Raise `NotTrusted` unless a disk may be fetched by it."""
    trustedvpcs.check_text("account", content.account, _ACCOUNT)
    trustedvpcs.check_text("name of a root", content.root, _ROOT)
    if not 0 < content.size_bytes <= _SIZE_MAX_BYTES:
        raise NotTrusted(f"a disk of {content.size_bytes} bytes")
