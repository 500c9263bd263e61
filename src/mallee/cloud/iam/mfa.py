"""Virtual MFA devices: made, given to a user with two of their codes, and asked for codes.

A device is an app with a seed that the answer of its making shows once, as text and as a QR code.
Its *serial number* is its ARN. No code is taken twice, nor one that is older than the last that was
taken. Called through the action table; `check` and `check_any` are for STS and for signing in.
Not its business: the codes' arithmetic (`kit.totp`), and how long who guesses waits (`guessing`).
"""

import io
from typing import Any

import segno
from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import accounts
from mallee.cloud.action import Action, Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, tags, users
from mallee.cloud.identity import guessing
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import totp
from mallee.model.identity import identities
from mallee.model.identity.credentials import MfaDevice
from mallee.model.identity.identities import User

DeviceRecord = Record[MfaDevice, None]

PER_USER_MAX = 8
PER_ACCOUNT_MAX = 10_000
_WINDOW_STEPS = 1
"""How far a device's clock may be off from where it was at its last code."""
_RESYNC_STEPS = 120
"""How far it may be off when it gives two codes in a row: an hour."""
_QR_SCALE = 4


def of_user(view: store.View, user_id: str) -> list[DeviceRecord]:
    """Return the devices of a user, first enabled first."""
    found = view.by(records.MFA_DEVICE, "user", user_id)
    return sorted(found, key=lambda device: (device.doc.enabled_at or 0.0, device.id))


def check(call: WriteCall, user: Record[User, None], serial: str, code: str) -> None:
    """Return when the code is the device's, the device the user's, and the code is used up now.

    `user` may be of any account: who signs in has none of his own yet. Raises `MfaFailed`, and
    `Throttling` when too many codes were wrong lately.
    """
    for device in of_user(call.view, user.id):
        if entities.arn(device) == serial:
            return _check(call, [device], code)
    raise errors.MfaFailed(
        "unable to validate MFA code. Please verify your MFA serial number is valid and "
        "associated with this user."
    )


def check_any(call: WriteCall, user: Record[User, None], code: str) -> None:
    """Return when the code is of one of the user's devices, and used up now; raise as `check`."""
    _check(call, of_user(call.view, user.id), code)


def _check(call: WriteCall, devices: list[DeviceRecord], code: str) -> None:
    # One who guesses gets no more tries for having more devices.
    key = f"mfa/{devices[0].doc.user_id}" if devices else "mfa/"
    call.attempts.begin(call.now, (key, guessing.CODE))
    for device in devices:
        step = totp.find_step(_seed(call, device), code, _steps(call, device, _WINDOW_STEPS))
        if step is not None:
            _use_up(call, device, step)
            call.attempts.succeed(key)
            return
    raise errors.MfaFailed("invalid MFA one time pass code.")


def _steps(call: WriteCall, device: DeviceRecord, window: int) -> range:
    """Return the steps whose codes may be taken: none that is as old as the last one taken."""
    around = totp.step_at(call.now) + device.doc.drift_steps
    return range(max(around - window, device.doc.last_step + 1), around + window + 1)


def _use_up(call: WriteCall, device: DeviceRecord, step: int) -> DeviceRecord:
    drift = step - totp.step_at(call.now)
    return call.tx.write(device, replace(device.doc, last_step=step, drift_steps=drift))


def _seed(call: WriteCall, device: DeviceRecord) -> bytes:
    return call.box.open(device.doc.sealed_seed)


# --- the devices of an account ---


def create_device(call: WriteCall, request: Request) -> Result:
    """Make a device that is nobody's yet; the answer alone holds its seed."""
    if len(call.tx.list(records.MFA_DEVICE, call.account)) >= PER_ACCOUNT_MAX:
        raise errors.LimitExceeded("VirtualMFADevicesPerAccount", PER_ACCOUNT_MAX)
    seed = call.entropy(totp.SEED_BYTES)
    device = MfaDevice(
        id=accounts.new_id("AVMF", call.entropy),
        name=request["VirtualMFADeviceName"],
        path=request.get("Path", "/"),
        created_at=call.now,
        sealed_seed=call.box.seal(seed),
        tags=entities.with_tags({}, entities.parse_tags(request.get("Tags"))),
    )
    _claim_name(call, device)
    record = call.tx.insert(records.MFA_DEVICE, call.account, device.id, device)
    return {
        "VirtualMFADevice": {
            "SerialNumber": entities.arn(record),
            "Base32StringSeed": totp.text(seed).encode(),
            "QRCodePNG": _picture(totp.uri(seed, "Mallee", f"{device.name}@{call.account}")),
            "Tags": entities.render_tags(device.tags) or None,
        }
    }


def delete_device(call: WriteCall, request: Request) -> Result:
    """Remove a device that is nobody's."""
    device = _named(call, request)
    if device.doc.user_id is not None:
        raise errors.DeleteConflict("MFA VirtualDevice is in use. Must deactivate first.")
    entities.release_name(call, records.MFA_DEVICE, device.doc.name)
    call.tx.delete(device)
    return {}


def _claim_name(call: WriteCall, device: MfaDevice) -> None:
    space = accounts.names_of(records.MFA_DEVICE, call.account)
    try:
        call.tx.claim(space, device.name.lower(), device.id)
    except store.Taken as taken:
        raise errors.DeviceExists from taken


def _picture(text: str) -> bytes:
    """Return a QR code as a PNG."""
    picture = io.BytesIO()
    segno.make_qr(text).save(picture, kind="png", scale=_QR_SCALE)
    return picture.getvalue()


# --- the devices of a user ---


def enable_device(call: WriteCall, request: Request) -> Result:
    """Give a device to a user, who shows by two codes in a row that he has its seed."""
    user = users.changed(call, request["UserName"])
    device = _named(call, request)
    if device.doc.user_id is not None:
        raise errors.DeviceInUse
    if len(of_user(call.view, user.id)) >= PER_USER_MAX:
        raise errors.LimitExceeded("MFADevicesPerUser", PER_USER_MAX)
    device = _set_clock(call, device, request)
    call.tx.write(device, replace(device.doc, user_id=user.id, enabled_at=call.now))
    return {}


def resync_device(call: WriteCall, request: Request) -> Result:
    """Find out by two codes in a row how far the device's clock is off."""
    _set_clock(call, _own(call, request), request)
    return {}


def deactivate_device(call: WriteCall, request: Request) -> Result:
    """Take a device from its user; its seed stays what it is."""
    device = _own(call, request)
    # The last step stays: another user of the device must not be given a code for the second time.
    call.tx.write(device, replace(device.doc, user_id=None, enabled_at=None))
    return {}


def get_device(call: Call, request: Request) -> Result:
    """Show whose a device is, and since when."""
    device = _named(call, request)
    user = _user_of(call, device)
    if "UserName" in request and (user is None or user.doc.name != request["UserName"]):
        raise errors.NoSuchDevice(request["SerialNumber"])
    return {
        "UserName": user.doc.name if user else None,
        "SerialNumber": entities.arn(device),
        "EnableDate": device.doc.enabled_at,
    }


def _set_clock(call: WriteCall, device: DeviceRecord, request: Request) -> DeviceRecord:
    key = f"mfa/{device.id}"
    call.attempts.begin(call.now, (key, guessing.CODE))
    step = totp.find_pair(
        _seed(call, device),
        (request["AuthenticationCode1"], request["AuthenticationCode2"]),
        _steps(call, device, _RESYNC_STEPS),
    )
    if step is None:
        raise errors.InvalidAuthenticationCode
    call.attempts.succeed(key)
    return _use_up(call, device, step + 1)


def _named(call: Call, request: Request) -> DeviceRecord:
    """Return the account's device of a serial number; raise `NoSuchDevice`."""
    serial: str = request["SerialNumber"]
    device = entities.find_or_none(call, records.MFA_DEVICE, serial.rpartition("/")[2])
    if device is None or entities.arn(device) != serial:
        raise errors.NoSuchDevice(serial)
    return device


def _own(call: WriteCall, request: Request) -> DeviceRecord:
    """Return a user's device, whom the caller may change; raise `NoSuchDevice`."""
    user = users.changed(call, request.get("UserName"))
    device = _named(call, request)
    if device.doc.user_id != user.id:
        raise errors.NoSuchDevice(request["SerialNumber"])
    return device


def _user_of(call: Call, device: DeviceRecord) -> users.UserRecord | None:
    return call.view.get(records.USER, device.doc.user_id) if device.doc.user_id else None


def _find_of_user(call: Call, request: Request) -> list[DeviceRecord]:
    return of_user(call.view, users.named(call, request.get("UserName")).id)


def _find(call: Call, request: Request) -> list[DeviceRecord]:
    wanted: str = request.get("AssignmentStatus", "Any")
    return [
        device
        for device in call.view.list(records.MFA_DEVICE, call.account)
        if wanted == "Any" or (wanted == "Assigned") == (device.doc.user_id is not None)
    ]


def _render_of_user(call: Call, device: DeviceRecord) -> dict[str, Any]:
    user = _user_of(call, device)
    return {
        "UserName": user.doc.name if user else "",
        "SerialNumber": entities.arn(device),
        "EnableDate": device.doc.enabled_at,
    }


def _render(call: Call, device: DeviceRecord) -> dict[str, Any]:
    user = _user_of(call, device)
    return {
        "SerialNumber": entities.arn(device),
        "User": users.render_short(call, user) if user else None,
        "EnableDate": device.doc.enabled_at,
    }


def _row(name: str, does: Write | Read | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


def _owner(call: Call, request: Request) -> tuple[str, ...]:
    """Return the ARN of the user that a request is about; of a device alone, of whose it is."""
    name: str | None = request.get("UserName")
    if name is not None:
        user = entities.find_or_none(call, records.USER, name)
        arn = identities.arn(call.account, "user", "/", name)
        return (entities.arn(user) if user else arn,)
    serial: str = request["SerialNumber"]
    device = entities.find_or_none(call, records.MFA_DEVICE, serial.rpartition("/")[2])
    user = _user_of(call, device) if device else None
    return (entities.arn(user),) if user else ("*",)


_CODES = ("UserName", "SerialNumber", "AuthenticationCode1", "AuthenticationCode2")

ACTIONS: tuple[Action, ...] = (
    _row(
        "CreateVirtualMFADevice",
        Write(handle=create_device),
        *("VirtualMFADeviceName", "Path", "Tags"),
    ),
    _row("DeleteVirtualMFADevice", Write(handle=delete_device), "SerialNumber"),
    _row("EnableMFADevice", Write(handle=enable_device), *_CODES),
    _row("ResyncMFADevice", Write(handle=resync_device), *_CODES),
    _row("DeactivateMFADevice", Write(handle=deactivate_device), "UserName", "SerialNumber"),
    Action(
        service="iam",
        name="GetMFADevice",
        does=Read(handle=get_device),
        honours=frozenset({"UserName", "SerialNumber"}),
        resources=_owner,
    ),
    _row(
        "ListMFADevices",
        Pages(
            find=_find_of_user, render=_render_of_user, member="MFADevices", key=lambda one: one.id
        ),
        "UserName",
    ),
    _row(
        "ListVirtualMFADevices",
        Pages(find=_find, render=_render, member="VirtualMFADevices", key=entities.arn),
        "AssignmentStatus",
    ),
    *tags.rows(tags.Tagged(noun="MFADevice", member="SerialNumber", named=_named, changed=_named)),
)
