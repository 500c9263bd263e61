"""What S3 answers when the key store refuses: that one's codes behind `KMS.`, and its sentences."""

from mallee.aws.errors.answer import AwsError
from mallee.aws.errors.s3.answer import S3Error


class KeyNotFound(S3Error):
    """Argument: a sentence."""

    code = "KMS.NotFoundException"


class KeyDisabled(S3Error):
    """Argument: a sentence."""

    code = "KMS.DisabledException"


class KeyInvalidState(S3Error):
    """Argument: a sentence."""

    code = "KMS.KMSInvalidStateException"


class KeyInvalidUsage(S3Error):
    """Argument: a sentence."""

    code = "KMS.InvalidKeyUsageException"


_BY_CODE = {
    kind.code: kind for kind in (KeyNotFound, KeyDisabled, KeyInvalidState, KeyInvalidUsage)
}


def of_key_store(error: AwsError) -> S3Error | None:
    """Return what S3 answers for an error of the key store; None where that is a fault of ours."""
    kind = _BY_CODE.get(f"KMS.{error.code}")
    return kind(error.message) if kind else None
