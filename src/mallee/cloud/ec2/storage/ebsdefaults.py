"""What an account has set of encryption: whether all new volumes have it, and under which key.

Called through the action table. It holds for volumes made from now on, at launch too (`ebskeys`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, KeyUse, Read, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import accountsettings
from mallee.cloud.ec2.storage import ebskeys
from mallee.cloud.kms import managed, naming

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def _switch(
    is_on: bool, call: WriteCall, _: shapes.EnableEbsEncryptionByDefaultRequest
) -> shapes.EnableEbsEncryptionByDefaultResult:
    settings = replace(accountsettings.of(call.tx, call.account), encrypts_volumes=is_on)
    accountsettings.write(call.tx, call.account, settings)
    return {"EbsEncryptionByDefault": is_on}


def get_switch(
    call: Call, _: shapes.GetEbsEncryptionByDefaultRequest
) -> shapes.GetEbsEncryptionByDefaultResult:
    """Tell whether all new volumes are encrypted."""
    is_on = accountsettings.of(call.view, call.account).encrypts_volumes
    return {"EbsEncryptionByDefault": is_on, "SseType": "sse-kms" if is_on else "none"}


def get_key(
    call: Call, _: shapes.GetEbsDefaultKmsKeyIdRequest
) -> shapes.GetEbsDefaultKmsKeyIdResult:
    """Tell which key is used where none is named; EBS's own by its alias."""
    key = accountsettings.of(call.view, call.account).volume_key
    return {"KmsKeyId": key or ebskeys.OWN}


def _uses(call: Call, request: Request) -> Iterator[KeyUse]:
    key: str = request["KmsKeyId"]
    yield KeyUse("DescribeKey", key, {"KeyId": key})


def modify_key(
    call: WriteCall, request: shapes.ModifyEbsDefaultKmsKeyIdRequest
) -> shapes.ModifyEbsDefaultKmsKeyIdResult:
    """Set it: a key that can be used now, of this or another account."""
    arn = naming.named(call, request["KmsKeyId"])
    if arn not in call.keys:
        raise errors.Unavailable("The key has changed meanwhile. Try again.")
    settings = replace(accountsettings.of(call.tx, call.account), volume_key=arn)
    accountsettings.write(call.tx, call.account, settings)
    return {"KmsKeyId": arn}


def reset_key(
    call: WriteCall, _: shapes.ResetEbsDefaultKmsKeyIdRequest
) -> shapes.ResetEbsDefaultKmsKeyIdResult:
    """Have EBS's own key again."""
    through = ("ebs", call.settings.region)
    own = managed.ensure(call.tx, call.box, call.account, through)
    settings = replace(accountsettings.of(call.tx, call.account), volume_key="")
    accountsettings.write(call.tx, call.account, settings)
    return {"KmsKeyId": naming.arn_of(call, own)}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="EnableEbsEncryptionByDefault",
        does=Write(handle=partial(_switch, True)),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="DisableEbsEncryptionByDefault",
        does=Write(handle=partial(_switch, False)),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="GetEbsEncryptionByDefault",
        does=Read(handle=get_switch),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="GetEbsDefaultKmsKeyId",
        does=Read(handle=get_key),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="ModifyEbsDefaultKmsKeyId",
        does=Write(handle=modify_key),
        honours=frozenset({"KmsKeyId"}),
        uses_keys=_uses,
    ),
    Action(
        service="ec2",
        name="ResetEbsDefaultKmsKeyId",
        does=Write(handle=reset_key),
        honours=frozenset(),
    ),
)
