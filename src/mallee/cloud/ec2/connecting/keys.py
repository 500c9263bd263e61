"""SendSSHPublicKey: a key with which one user of a guest may log in for a minute.

The host shows the key in the instance's metadata, where the guest's `ec2-instance-connect` looks
for it at every login: as lines that say until when, for which instance, and who sent it, the key,
and a signature over these. Nothing of it is stored: it is gone when its minute is over, or the
host's agent is restarted. Called through the action table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mallee.aws import errors
from mallee.cloud.action import Action, AskHost
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.ec2 import arns, keypairs
from mallee.cloud.ec2.instances import power
from mallee.cloud.state import records
from mallee.kit import keysigner
from mallee.model.compute.instances import State
from mallee.model.hosts import hosts

if TYPE_CHECKING:
    from mallee.aws.types import ec2_instance_connect as shapes

_SHOWN_IN = frozenset({State.PENDING, State.RUNNING, State.STOPPING, State.SHUTTING_DOWN})


def prepare(call: Call, request: shapes.SendSSHPublicKeyRequest) -> tuple[str, str, str, str]:
    """Return which host shall show what to which instance."""
    record = call.view.get(records.INSTANCE, request["InstanceId"])
    if record is None or record.account != call.account:
        raise errors.connect.EC2InstanceNotFoundException
    zone = request.get("AvailabilityZone", record.doc.zone)
    if zone != record.doc.zone:
        raise errors.connect.InvalidArgsException(
            f"The instance is in the Availability Zone {record.doc.zone}, not in {zone}."
        )
    key = _key_of(request["SSHPublicKey"])
    if power.state_of(record) not in _SHOWN_IN:
        raise errors.connect.EC2InstanceStateInvalidException
    pushed = encode(call, request, key)
    return record.doc.host_id, hosts.ASK_PUSH_KEY, record.id, msgspec.json.encode(pushed).decode()


def _key_of(material: str) -> str:
    """Return the key as one line without its comment: it goes into a file of the guest's."""
    try:
        public = keypairs.parse_public_key(material.encode())
    except errors.InvalidKeyFormat as error:
        raise errors.connect.InvalidArgsException(
            "The SSH public key is malformed, or of a kind that is not supported: give an RSA or "
            "Ed25519 key in OpenSSH's or SSH2's form."
        ) from error
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def encode(call: Call, request: shapes.SendSSHPublicKeyRequest, key: str) -> hosts.PushedKey:
    """Return the key as the guest gets it, signed where something signs."""
    expires_at = call.now + hosts.PUSHED_KEY_S
    lines = (
        f"#Timestamp={int(expires_at)}",
        f"#Instance={request['InstanceId']}",
        f"#Caller={call.principal.arn}",
        f"#Request={call.request_id}",
        key,
    )
    said = "".join(f"{line}\n" for line in lines)
    signer = call.agents.signer
    signature = keysigner.sign(signer, said.encode()) if signer else ""
    staples = dict([keysigner.staple(signer, call.now)]) if signer else {}
    block = f"{said}{signature}\n\n"
    return hosts.PushedKey(request["InstanceOSUser"], block, float(int(expires_at)), staples)


def finish(call: Call, request: Request, _: bytes) -> Result:
    """Say that the host shows it now."""
    return {"RequestId": call.request_id, "Success": True}


def _arns(call: Call, request: Request) -> tuple[str, ...]:
    return (arns.of(call, records.INSTANCE, request["InstanceId"]),)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2-instance-connect",
        name="SendSSHPublicKey",
        does=AskHost(prepare=prepare, finish=finish),
        honours=frozenset({"InstanceId", "InstanceOSUser", "SSHPublicKey", "AvailabilityZone"}),
        resources=_arns,
    ),
)
