"""Codes of messages by HMAC keys: made, and compared without telling how far they agree.

Called through the action table.
"""

import hmac
from collections.abc import Callable

from mallee.aws import errors
from mallee.cloud.action import Compute
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.kms import materials, naming, rows
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import Key, Usage


def generate(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Make a message's code."""
    key, arn = _key(call, asked, "GenerateMac")
    return lambda: {
        "Mac": _mac(box, key, asked),
        "MacAlgorithm": asked["MacAlgorithm"],
        "KeyId": arn,
    }


def verify(call: Call, asked: Request, box: secretbox.SecretBox) -> Callable[[], Result]:
    """Tell whether a code is a message's; one that is not is an error."""
    key, arn = _key(call, asked, "VerifyMac")

    def work() -> Result:
        if not hmac.compare_digest(_mac(box, key, asked), asked["Mac"]):
            raise errors.kms.KMSInvalidMacException
        return {"KeyId": arn, "MacValid": True, "MacAlgorithm": asked["MacAlgorithm"]}

    return work


def _key(call: Call, asked: Request, operation: str) -> tuple[Key, str]:
    rows.check_tokens(asked)
    record = naming.find(call, asked["KeyId"])
    key = materials.usable(call, record, Usage.GENERATE_VERIFY_MAC, operation)
    materials.check_algorithm(key, asked["MacAlgorithm"])
    return key, naming.arn_of(call, record)


def _mac(box: secretbox.SecretBox, key: Key, asked: Request) -> bytes:
    algorithm: str = asked["MacAlgorithm"]
    kind = algorithm.replace("HMAC_SHA_", "sha")
    return hmac.digest(materials.opened(box, key), asked["Message"], kind)


_ASKED = ("Message", "MacAlgorithm", "GrantTokens")

ACTIONS = (
    rows.of_key("GenerateMac", Compute(prepare=generate), *_ASKED),
    rows.of_key("VerifyMac", Compute(prepare=verify), *_ASKED, "Mac"),
)
