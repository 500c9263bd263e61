"""Requests and results of ec2-instance-connect's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class SendSSHPublicKeyRequest(TypedDict):
    InstanceId: str
    InstanceOSUser: str
    SSHPublicKey: str
    AvailabilityZone: NotRequired[str]


class SendSSHPublicKeyResponse(TypedDict):
    RequestId: NotRequired[str | None]
    Success: NotRequired[bool | None]
