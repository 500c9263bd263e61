"""MFA devices: given by two codes, good for each code once, and for nobody else."""

import base64
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mallee.kit import totp
from tests.cloud import written
from tests.cloud.iam.devices import Device
from tests.cloud.running import RunningCloud
from tests.cloud.sts.people import People, refused

_names = itertools.count(1)


@pytest.fixture
def people(cloud: RunningCloud) -> People:
    return People(cloud)


@pytest.fixture
def iam(cloud: RunningCloud) -> Any:
    return cloud.client("iam")


@pytest.fixture
def user(iam: Any) -> str:
    name = f"holder{next(_names)}"
    iam.create_user(UserName=name)
    return name


@pytest.fixture
def device(iam: Any) -> Device:
    return Device(iam, f"device{next(_names)}")


def test_seed_is_shown_once_as_text_and_as_a_picture(iam: Any, device: Device) -> None:
    assert device.made["QRCodePNG"].startswith(b"\x89PNG")
    assert len(device.seed) == totp.SEED_BYTES
    listed = iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"]
    mine = next(one for one in listed if one["SerialNumber"] == device.serial)
    assert "Base32StringSeed" not in mine
    assert "QRCodePNG" not in mine
    assert refused(Device, iam, device.serial.rpartition("/")[2]) == "EntityAlreadyExists"


def test_device_is_enabled_by_two_codes_in_a_row(iam: Any, user: str, device: Device) -> None:
    wrong = {"UserName": user, "SerialNumber": device.serial}
    first, second = device.code(), device.code()
    for codes in ((second, first), (first, first), ("000000", "000000")):
        asked = {"AuthenticationCode1": codes[0], "AuthenticationCode2": codes[1]}
        assert refused(iam.enable_mfa_device, **wrong, **asked) == "InvalidAuthenticationCode"
    assert iam.list_mfa_devices(UserName=user)["MFADevices"] == []
    device.enable(iam, user)
    (found,) = iam.list_mfa_devices(UserName=user)["MFADevices"]
    assert (found["SerialNumber"], found["UserName"]) == (device.serial, user)
    assert iam.get_mfa_device(SerialNumber=device.serial)["UserName"] == user
    assigned = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert user in [one["User"]["UserName"] for one in assigned]


def test_device_of_one_user_is_no_other_users(iam: Any, user: str, device: Device) -> None:
    device.enable(iam, user)
    iam.create_user(UserName=f"{user}-other")
    other = {"UserName": f"{user}-other", "SerialNumber": device.serial}
    codes = {"AuthenticationCode1": device.code(), "AuthenticationCode2": device.code()}
    assert refused(iam.enable_mfa_device, **other, **codes) == "EntityAlreadyExists"
    assert refused(iam.deactivate_mfa_device, **other) == "NoSuchEntity"
    assert refused(iam.resync_mfa_device, **other, **codes) == "NoSuchEntity"
    assert refused(iam.get_mfa_device, **other) == "NoSuchEntity"
    assert refused(iam.delete_virtual_mfa_device, SerialNumber=device.serial) == "DeleteConflict"
    assert refused(iam.delete_user, UserName=user) == "DeleteConflict"
    iam.deactivate_mfa_device(UserName=user, SerialNumber=device.serial)
    iam.delete_virtual_mfa_device(SerialNumber=device.serial)
    assert refused(iam.delete_virtual_mfa_device, SerialNumber=device.serial) == "NoSuchEntity"
    iam.delete_user(UserName=user)


def test_device_of_another_account_is_not_there(people: People, device: Device) -> None:
    iam = people.client("iam", people.account())
    asked = {"SerialNumber": device.serial}
    assert refused(iam.delete_virtual_mfa_device, **asked) == "NoSuchEntity"
    assert refused(iam.get_mfa_device, **asked) == "NoSuchEntity"
    assert refused(iam.list_mfa_device_tags, **asked) == "NoSuchEntity"
    codes = {"AuthenticationCode1": device.code(), "AuthenticationCode2": device.code()}
    assert refused(iam.enable_mfa_device, UserName="admin", **asked, **codes) == "NoSuchEntity"


def test_code_gives_a_session_once(people: People, iam: Any, device: Device) -> None:
    key = people.user({"Action": "*"})
    device.enable(iam, key["name"])
    sts = people.client("sts", key)
    code = device.code()
    asked = {"SerialNumber": device.serial, "TokenCode": code}
    given = sts.get_session_token(**asked)["Credentials"]
    assert people.arn(given) == key.arn
    assert refused(sts.get_session_token, **asked) == "AccessDenied"
    older = totp.code(device.seed, device._step - 1)
    asked = {"SerialNumber": device.serial, "TokenCode": older}
    assert refused(sts.get_session_token, **asked) == "AccessDenied"
    asked = {"SerialNumber": device.serial, "TokenCode": device.code()}
    assert sts.get_session_token(**asked)["Credentials"]


def test_policy_sees_that_a_code_was_shown(people: People, iam: Any, device: Device) -> None:
    key = people.user(
        {"Action": "iam:ListUsers", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
        {"Action": "sts:*"},
    )
    device.enable(iam, key["name"])
    assert refused(people.client("iam", key).list_users) == "AccessDenied"
    asked = {"SerialNumber": device.serial, "TokenCode": device.code()}
    given = people.client("sts", key).get_session_token(**asked)["Credentials"]
    assert people.client("iam", given).list_users()["Users"]


def test_who_guesses_codes_is_slowed_down(people: People, iam: Any, device: Device) -> None:
    key = people.user({"Action": "*"})
    device.enable(iam, key["name"])
    sts = people.client("sts", key)
    codes = [
        refused(sts.get_session_token, SerialNumber=device.serial, TokenCode=f"{guess:06d}")
        for guess in range(8)
    ]
    assert codes[0] == "AccessDenied"
    assert codes[-1] == "Throttling"
    asked = {"SerialNumber": device.serial, "TokenCode": device.code()}
    assert refused(sts.get_session_token, **asked) == "Throttling"


def test_resync_finds_a_clock_that_is_off_and_no_old_codes(
    iam: Any, user: str, device: Device
) -> None:
    device.enable(iam, user)
    old = {"AuthenticationCode1": totp.code(device.seed, device._step - 1)}
    old["AuthenticationCode2"] = totp.code(device.seed, device._step)
    asked = {"UserName": user, "SerialNumber": device.serial}
    assert refused(iam.resync_mfa_device, **asked, **old) == "InvalidAuthenticationCode"
    device._step += 50
    new = {"AuthenticationCode1": device.code(), "AuthenticationCode2": device.code()}
    iam.resync_mfa_device(**asked, **new)


def test_devices_are_tagged_and_have_paths(iam: Any) -> None:
    device = Device(iam, "Tagged", Path="/phones/", Tags=[{"Key": "of", "Value": "anna"}])
    assert device.serial.endswith(":mfa/phones/Tagged")
    iam.tag_mfa_device(SerialNumber=device.serial, Tags=[{"Key": "old", "Value": "no"}])
    iam.untag_mfa_device(SerialNumber=device.serial, TagKeys=["of"])
    (tag,) = iam.list_mfa_device_tags(SerialNumber=device.serial)["Tags"]
    assert tag == {"Key": "old", "Value": "no"}


def test_user_may_be_let_manage_his_own_device_and_no_others(people: People, iam: Any) -> None:
    account = people.cloud.admin["account_id"]
    own = {
        "Action": ["iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice"],
        "Resource": f"arn:aws:iam::{account}:mfa/${{aws:username}}",
    }
    on_himself = {
        "Action": ["iam:EnableMFADevice", "iam:DeactivateMFADevice", "iam:ListMFADevices"],
        "Resource": f"arn:aws:iam::{account}:user/${{aws:username}}",
    }
    key = people.user(own, on_himself)
    his = people.client("iam", key)
    device = Device(his, key["name"])
    device.enable(his, key["name"])
    assert his.list_mfa_devices()["MFADevices"]
    assert refused(Device, his, "anothers") == "AccessDenied"
    assert refused(his.list_mfa_devices, UserName="admin") == "AccessDenied"
    assert refused(device.enable, his, "admin") == "AccessDenied"


def test_whose_a_device_is_takes_the_permission_on_him(people: People, iam: Any) -> None:
    account = people.cloud.admin["account_id"]
    own = {"Action": "iam:GetMFADevice"}
    on_himself = {**own, "Resource": f"arn:aws:iam::{account}:user/${{aws:username}}"}
    ann, bob = people.user(on_himself), people.user()
    for key in (ann, bob):
        device = Device(iam, key["name"])
        device.enable(iam, key["name"])
    serial = f"arn:aws:iam::{account}:mfa/"
    ask = people.client("iam", ann).get_mfa_device
    assert ask(SerialNumber=serial + ann["name"])["UserName"] == ann["name"]
    assert refused(ask, SerialNumber=serial + bob["name"]) == "AccessDenied"
    assert refused(ask, SerialNumber=serial + "nobodys") == "AccessDenied"


def test_code_that_many_show_at_once_is_good_for_one(
    people: People, iam: Any, device: Device
) -> None:
    key = people.user({"Action": "*"})
    device.enable(iam, key["name"])
    asked = {"SerialNumber": device.serial, "TokenCode": device.code()}
    clients = [people.client("sts", key) for _ in range(4)]

    def ask(sts: Any) -> bool:
        try:
            return bool(sts.get_session_token(**asked)["Credentials"])
        except ClientError:
            return False

    with ThreadPoolExecutor(len(clients)) as room:
        assert sum(room.map(ask, clients)) == 1


def test_code_stays_used_up_when_the_cloud_starts_again(
    cloud: RunningCloud, device: Device
) -> None:
    key = People(cloud).user({"Action": "*"})
    device.enable(cloud.client("iam"), key["name"])
    asked = {"SerialNumber": device.serial, "TokenCode": device.code()}
    People(cloud).client("sts", key).get_session_token(**asked)
    cloud.restart()
    assert refused(People(cloud).client("sts", key).get_session_token, **asked) == "AccessDenied"


def test_seed_lies_nowhere_in_the_open(cloud: RunningCloud, device: Device) -> None:
    cloud.restart()
    files = written.contents(cloud.layout.root)
    text = totp.text(device.seed).encode()
    for secret in (device.seed, text, base64.b64encode(device.seed)):
        assert not [path for path, data in files.items() if secret in data]
