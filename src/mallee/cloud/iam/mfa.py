"""Virtual MFA devices: made, given to a user with two of their codes, and asked for codes.

A device is an app with a seed that the answer of its making shows once, as text and as a QR code.
Its *serial number* is its ARN. No code is taken twice, nor one that is older than the last that was
taken. Called through the action table; `check` is for STS and for signing in, which take a code.
Not its business: the codes' arithmetic (`kit.totp`), and how long who guesses waits (`guessing`).
"""

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import guessing
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.iam import entities
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import totp
from mallee.model.credentials import MfaDevice
from mallee.model.identities import User

DeviceRecord = Record[MfaDevice, None]

_WINDOW_STEPS = 1
"""How far a device's clock may be off from where it was at its last code."""


def of_user(view: store.View, user_id: str) -> list[DeviceRecord]:
    """Return the devices of a user, first enabled first."""
    found = view.by(records.MFA_DEVICE, "user", user_id)
    return sorted(found, key=lambda device: (device.doc.enabled_at or 0.0, device.id))


def check(call: WriteCall, user: Record[User, None], serial: str, code: str) -> None:
    """Return when the code is the device's, the device the user's, and the code is used up now.

    `user` may be of any account: who signs in has none of his own yet. Raises `MfaFailed`, and
    `Throttling` when too many codes were wrong lately.
    """
    device = _of_serial(call.view, user, serial)
    if device is None:
        raise errors.MfaFailed(
            "unable to validate MFA code. Please verify your MFA serial number is valid and "
            "associated with this user."
        )
    key = f"mfa/{device.id}"
    call.attempts.begin(call.now, (key, guessing.SUBJECT))
    around = totp.step_at(call.now) + device.doc.drift_steps
    first = max(around - _WINDOW_STEPS, device.doc.last_step + 1)
    step = totp.find_step(_seed(call, device), code, range(first, around + _WINDOW_STEPS + 1))
    if step is None:
        raise errors.MfaFailed("invalid MFA one time pass code.")
    drift = step - totp.step_at(call.now)
    call.tx.write(device, replace(device.doc, last_step=step, drift_steps=drift))
    call.attempts.succeed(key)


def _of_serial(view: store.View, user: Record[User, None], serial: str) -> DeviceRecord | None:
    for device in of_user(view, user.id):
        if entities.arn(device) == serial:
            return device
    return None


def _seed(call: WriteCall, device: DeviceRecord) -> bytes:
    return call.box.open(device.doc.sealed_seed)


def find(call: Call, serial: str) -> DeviceRecord:
    """Return the caller's account's device of a serial number; raise `NoSuchEntity`."""
    prefix, _, rest = serial.partition(f":{call.account}:mfa/")
    name = rest.rpartition("/")[2]
    device = entities.find_or_none(call, records.MFA_DEVICE, name) if prefix and name else None
    if device is None or entities.arn(device) != serial:
        raise errors.NoSuchDevice(serial)
    return device
