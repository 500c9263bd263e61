"""An MFA device as a test holds one: it shows the next code whenever it is asked."""

import base64
import time
from typing import Any

from mallee.kit import totp

BEHIND_STEPS = 100
"""The device's clock is slow, so that a test has codes enough without waiting for time to pass."""


class Device:
    """A virtual device, made in an account."""

    def __init__(self, iam: Any, name: str, **more: Any) -> None:
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, **more)["VirtualMFADevice"]
        self.made = made
        self.serial: str = made["SerialNumber"]
        text: bytes = made["Base32StringSeed"]
        self.seed = base64.b32decode(text + b"=" * (-len(text) % 8))
        self._step = totp.step_at(time.time()) - BEHIND_STEPS

    def code(self) -> str:
        """The next code."""
        self._step += 1
        return totp.code(self.seed, self._step)

    def enable(self, iam: Any, user: str) -> None:
        """Give the device to a user."""
        iam.enable_mfa_device(
            UserName=user,
            SerialNumber=self.serial,
            AuthenticationCode1=self.code(),
            AuthenticationCode2=self.code(),
        )
