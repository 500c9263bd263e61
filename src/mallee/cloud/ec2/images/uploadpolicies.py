"""Upload policies: by which whoever has a bundle made lets it be put into a bucket.

BundleInstance names an access key, a policy as S3's forms have it, and its signature with that
key's secret (HMAC-SHA1). What is put there is put by that key's rights, as long as the policy says,
and only where it says. Called by `bundleinstances`. Not its business: what a policy is
(`aws.signature.postpolicy`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mallee.aws import bundles, errors
from mallee.aws.signature import postpolicy
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.images import tasks
from mallee.cloud.identity.authenticate import ACTIVE
from mallee.cloud.state import records
from mallee.kit.secretbox import SecretBox
from mallee.model.storage.transfers import Access, Object

ACL = "ec2-bundle-read"
"""What AWS puts on the objects; its tools' policies ask for it."""
_PREFIX = re.compile(r"(?:.*/)?[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
"""What manifests can name, in a folder."""
_POLICY_BYTES_MAX = 16 << 10


@dataclass(frozen=True, slots=True)
class Permission:
    """That a bundle may be put somewhere."""

    place: Object
    """The bucket, and what all keys begin with."""
    access: Access
    access_key_id: str
    expires_at: float
    """Seconds since the epoch."""


def check(call: Call, storage: Mapping[str, Any], box: SecretBox) -> Permission:
    """Return what an upload policy permits. Raises where it permits no bundle there, now."""
    s3: Mapping[str, Any] = storage.get("S3") or {}
    for member in (
        "Bucket",
        "Prefix",
        "AWSAccessKeyId",
        "UploadPolicy",
        "UploadPolicySignature",
    ):
        if not s3.get(member):
            raise errors.MissingParameter(f"Storage.S3.{member}")
    place = tasks.parse_object(s3["Bucket"], s3["Prefix"])
    if not _PREFIX.fullmatch(place.key):
        raise errors.InvalidParameterValue(
            "The name of a bundle has letters, digits, dots, hyphens and underscores."
        )
    raw: bytes = s3["UploadPolicy"]
    if len(raw) > _POLICY_BYTES_MAX:
        raise errors.InvalidParameterValue("The upload policy is too long.")
    signed = base64.b64encode(raw).decode()
    claim = postpolicy.Claim(
        access_key_id=s3["AWSAccessKeyId"],
        session_token=None,
        signature=s3["UploadPolicySignature"],
        policy=signed,
    )
    user_id = _verify(call, claim, box)
    try:
        policy = postpolicy.decode(signed)
        for key in (f"{place.key}.manifest.xml", f"{place.key}.part.0"):
            postpolicy.check_fields(policy, {"key": key, "acl": ACL}, place.bucket, call.now)
        postpolicy.check_size(policy, bundles.PART_BYTES)
        postpolicy.check_size(policy, 1)
    except errors.AwsError as error:
        raise errors.InvalidParameterValue(
            f"The upload policy permits no bundle: {error}"
        ) from None
    access = Access(call.account, user_id)
    return Permission(place, access, claim.access_key_id, policy.expires_at)


def _verify(call: Call, claim: postpolicy.Claim, box: SecretBox) -> str:
    """Return the user whose key has signed a policy. Raises `AuthFailure` for all else alike."""
    key = resources.reader(call).get(records.ACCESS_KEY, claim.access_key_id)
    if key is None or key.account != call.account or key.doc.status != ACTIVE:
        raise errors.AuthFailure
    try:
        postpolicy.verify(claim, box.open(key.doc.sealed_secret).decode())
    except errors.AwsError:
        raise errors.AuthFailure from None
    user = resources.reader(call).get(records.USER, key.doc.user_id)
    if user is None or user.account != call.account or not user.doc.is_enabled:
        raise errors.AuthFailure
    return user.id
