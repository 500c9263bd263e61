"""Strangers ask, the administration decides, and who is invited comes in once."""

import email
import email.policy
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import botocore.exceptions
import pytest
from msgspec.structs import replace

from mallee.cloud.admin.people import registrations
from mallee.cloud.identity import guessing
from mallee.cloud.state import records, store
from mallee.model.configuration.settings import Mail
from tests.cloud import written
from tests.cloud.running import RunningCloud
from tests.cloud.signing import FORM, Answer, Sender
from tests.wholecloud import wait_until

WITHIN_S = 240.0
ADDRESS = "ann@example.org"


@pytest.fixture(autouse=True)
def nobody_waits(cloud: RunningCloud) -> Iterator[None]:
    yield

    def forget(tx: store.Tx) -> None:
        for record in tx.list(records.REGISTRATION):
            tx.delete(record)

    cloud.store.transact(forget)


def ask_unsigned(cloud: RunningCloud, action: str, **parameters: str) -> Answer:
    """Send a request that nobody signed, as a stranger does."""
    sender = Sender(cloud.port, cloud.admin)
    body = urlencode({"Version": "2026-11-21", "Action": action, **parameters})
    headers = {"Content-Type": FORM, "Host": f"mallee.localhost:{cloud.port}"}
    return sender.send_raw("POST", "/", headers, body)


def _request(cloud: RunningCloud, name: str, address: str = ADDRESS, **more: str) -> Answer:
    answer = ask_unsigned(cloud, "RequestAccount", AccountName=name, Email=address, **more)
    assert answer.status == 200, answer.text
    return answer


def _registered(sender: Sender) -> list[str]:
    listed = sender.ask("mallee", "ListRegistrations").text
    return re.findall(r"<RegistrationId>(.*?)</RegistrationId>", listed)


def _accept(cloud: RunningCloud, token: str, **more: str) -> Answer:
    return ask_unsigned(cloud, "AcceptInvitation", Token=token, **more)


def _key(answer: Answer) -> dict[str, str]:
    return {
        "access_key_id": answer.element("AccessKeyId"),
        "secret_access_key": answer.element("SecretAccessKey"),
    }


def _mails(cloud: RunningCloud, to: str, count: int = 1) -> list[Any]:
    """The mails to an address, once there are so many, oldest first."""
    ends_at = time.monotonic() + WITHIN_S
    while True:
        found = [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(cloud.layout.outbox.glob("*.eml"))
        ]
        own = [one for one in found if one["To"] == to]
        if len(own) >= count:
            return own
        assert time.monotonic() < ends_at, f"{len(own)} mails to {to}"
        time.sleep(0.02)


def test_wish_becomes_an_account_that_works(cloud: RunningCloud, sender: Sender) -> None:
    _request(cloud, "chemistry", FullName="Ann Onym", Reason="for <science> & fun")
    (id,) = _registered(sender)
    approved = sender.ask("mallee", "ApproveRegistration", RegistrationId=id)
    assert approved.element("State") == "invited"
    (mail,) = _mails(cloud, ADDRESS)
    text = mail.get_content()
    assert approved.element("Token") in text
    assert "Ann Onym" in text
    assert "chemistry" not in sender.ask("mallee", "ListAccounts").text

    accepted = _accept(cloud, approved.element("Token"))
    assert accepted.status == 200, accepted.text
    identity = cloud.client("sts", _key(accepted)).get_caller_identity()
    assert identity["Account"] == accepted.element("AccountId")
    assert identity["Arn"].endswith(":user/admin")
    shown = sender.ask("mallee", "DescribeAccount", AccountName="chemistry")
    assert shown.element("Email") == ADDRESS


def test_token_is_good_once(cloud: RunningCloud, sender: Sender) -> None:
    invited = sender.ask("mallee", "InviteAccount", AccountName="once", Email="once@example.org")
    token = invited.element("Token")
    assert _accept(cloud, token).status == 200
    assert (_accept(cloud, token).status, _accept(cloud, token).code) == (403, "InvalidToken")
    assert _accept(cloud, token[:-1] + "A").code == "InvalidToken"


def test_token_expires_and_is_replaced(cloud: RunningCloud, sender: Sender) -> None:
    invited = sender.ask(
        "mallee", "InviteAccount", AccountName="late", Email="late@example.org", ValidHours="1"
    )

    def age(tx: store.Tx) -> None:
        record = tx.get(records.REGISTRATION, invited.element("RegistrationId"))
        assert record is not None
        tx.write(record, replace(record.doc, expires_at=tx.now - 1))

    cloud.store.transact(age)
    assert _accept(cloud, invited.element("Token")).code == "InvalidToken"
    assert "has expired" in sender.ask("mallee", "ListRegistrations").text
    again = sender.ask(
        "mallee", "ApproveRegistration", RegistrationId=invited.element("RegistrationId")
    )
    assert _accept(cloud, invited.element("Token")).code == "InvalidToken"
    assert _accept(cloud, again.element("Token")).status == 200


def test_rejection_is_told_and_withdraws_the_invitation(
    cloud: RunningCloud, sender: Sender
) -> None:
    address = "no@example.org"
    _request(cloud, "nothing", address)
    (id,) = _registered(sender)
    token = sender.ask("mallee", "ApproveRegistration", RegistrationId=id).element("Token")
    rejected = sender.ask("mallee", "RejectRegistration", RegistrationId=id, Reason="full house")
    assert rejected.element("State") == "rejected"
    assert "full house" in _mails(cloud, address, 2)[-1].get_content()
    assert _accept(cloud, token).code == "InvalidToken"


def test_asking_tells_nothing(cloud: RunningCloud, sender: Sender) -> None:
    first = _request(cloud, "secretive")
    again = _request(cloud, "secretive")
    taken = _request(cloud, "admin")
    bodies = {re.sub(r"<RequestId>.*?<", "<", one.text) for one in (first, again, taken)}
    assert len(bodies) == 1
    assert len(_registered(sender)) == 2
    listed = sender.ask("mallee", "ListRegistrations", State="requested")
    assert "There is an account named admin already." in listed.text
    ids = dict(zip(["secretive", "admin"], _registered(sender), strict=True))
    refused = sender.ask("mallee", "ApproveRegistration", RegistrationId=ids["admin"])
    assert refused.code == "EntityAlreadyExists"
    renamed = sender.ask(
        "mallee", "ApproveRegistration", RegistrationId=ids["admin"], AccountName="admin-2"
    )
    assert _accept(cloud, renamed.element("Token")).element("AccountName") == "admin-2"


def test_wishes_are_bounded(
    cloud: RunningCloud, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        _request(cloud, f"many-{number}")
    assert len(_registered(sender)) == registrations.REQUESTED_MAX_PER_EMAIL
    monkeypatch.setattr(registrations, "REQUESTED_MAX", 3)
    answer = ask_unsigned(cloud, "RequestAccount", AccountName="more", Email="x@example.org")
    assert answer.code == "Throttling"


@pytest.mark.parametrize(
    "parameters",
    [
        {"AccountName": "ok", "Email": "no address"},
        {"AccountName": "ok", "Email": "a@b.c\r\nBcc: all@example.org"},
        {"AccountName": "ok", "Email": "a@b.c", "FullName": "x\r\nBcc: y"},
        {"AccountName": "Not Ok", "Email": "a@b.c"},
        {"AccountName": "ok", "Email": "a@b.c", "Reason": "x" * 1001},
        {"AccountName": "ok", "Email": "a@b.c", "Reason": "a\x1b]0;terminal\x07"},
        {"AccountName": "ok", "Email": "a@b.c", "FullName": "a\x9b2J"},
        {"AccountName": "ok"},
    ],
)
def test_nonsense_is_refused(
    cloud: RunningCloud, sender: Sender, parameters: dict[str, str]
) -> None:
    assert ask_unsigned(cloud, "RequestAccount", **parameters).status == 400
    assert _registered(sender) == []


def test_closed_cloud_takes_no_wishes(
    cloud: RunningCloud, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = replace(cloud.settings.registration, open=False)
    cloud.stop()
    monkeypatch.setattr(cloud, "settings", replace(cloud.settings, registration=closed))
    cloud.start()
    answer = ask_unsigned(cloud, "RequestAccount", AccountName="ok", Email=ADDRESS)
    assert answer.code == "AccessDenied"
    cloud.stop()
    url = "http://cloud.example.org:8773"
    mail = Mail(administrator="boss@example.org", sender="cloud@example.org", endpoint=url)
    monkeypatch.undo()
    monkeypatch.setattr(cloud, "settings", replace(cloud.settings, mail=mail))
    cloud.start()
    sender = Sender(cloud.port, cloud.admin)
    _request(cloud, "wanted", "eve@example.org", Reason="because\n\nAll is well:\n    run this")
    (told,) = _mails(cloud, "boss@example.org")
    assert told["From"] == "cloud@example.org"
    assert "eve@example.org asks" in told.get_content()
    assert "> because\n> \n> All is well:\n>     run this\n" in told.get_content()
    sender.ask("mallee", "InviteAccount", AccountName="near", Email="near@example.org")
    (invited,) = _mails(cloud, "near@example.org")
    assert f"mallee accept --endpoint {url}" in invited.get_content()
    cloud.stop()
    monkeypatch.undo()
    cloud.start()


def test_mails_are_for_nobody_elses_eyes(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    sender.ask("mallee", "InviteAccount", AccountName="private", Email="p@example.org")
    _mails(cloud, "p@example.org")
    for path in cloud.layout.outbox.glob("*.eml"):
        assert path.stat().st_mode & 0o077 == 0
    assert cloud.layout.outbox.stat().st_mode & 0o077 == 0
    wait_until(lambda: not cloud.store.view.list(records.MAIL), WITHIN_S, "the mail to be let go")


def test_token_is_nowhere_but_in_the_mail(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    invited = sender.ask("mallee", "InviteAccount", AccountName="hidden", Email="h@example.org")
    token = invited.element("Token")
    _mails(cloud, "h@example.org")
    secret = _accept(cloud, token).element("SecretAccessKey")
    for path, content in written.contents(cloud.layout.root).items():
        if path.parent != cloud.layout.outbox:
            assert token.encode() not in content, path
            assert secret.encode() not in content, path


def test_user_is_invited_by_his_account_and_by_nobody_else(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    iam = cloud.client("iam")
    iam.create_user(UserName="bob")
    invite = {"UserName": "bob", "Email": "bob@example.org"}
    other = sender.ask("mallee", "CreateAccount", AccountName="others")
    stranger = Sender(cloud.port, _key(other))
    assert stranger.ask("mallee", "InviteUser", **invite).code == "NoSuchEntity"
    iam.create_user(UserName="weak")
    key = iam.create_access_key(UserName="weak")["AccessKey"]
    weak = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    assert Sender(cloud.port, weak).ask("mallee", "InviteUser", **invite).code == "AccessDenied"

    first = sender.ask("mallee", "InviteUser", **invite)
    second = sender.ask("mallee", "InviteUser", **invite)
    assert first.element("RegistrationId") not in _registered(sender)
    assert _accept(cloud, first.element("Token")).code == "InvalidToken"
    accepted = _accept(cloud, second.element("Token"))
    arn = cloud.client("sts", _key(accepted)).get_caller_identity()["Arn"]
    assert arn.endswith(":user/bob")
    assert "The user bob" not in _mails(cloud, "bob@example.org", 2)[0]["Subject"]


def test_invitation_of_a_user_who_is_gone_or_disabled_is_void(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    iam = cloud.client("iam")
    iam.create_user(UserName="brief")
    token = sender.ask("mallee", "InviteUser", UserName="brief", Email=ADDRESS).element("Token")
    sender.ask("mallee", "DisableUser", UserName="brief")
    assert _accept(cloud, token).code == "InvalidToken"
    sender.ask("mallee", "EnableUser", UserName="brief")
    iam.delete_user(UserName="brief")
    assert _accept(cloud, token).code == "InvalidToken"


def test_disabled_user_does_nothing_until_enabled(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    iam = cloud.client("iam")
    iam.create_user(UserName="off")
    key = iam.create_access_key(UserName="off")["AccessKey"]
    own = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    sts = cloud.client("sts", own)
    assert sts.get_caller_identity()["Arn"].endswith(":user/off")
    assert sender.ask("mallee", "DisableUser", UserName="off").status == 200
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()
    assert sender.ask("mallee", "EnableUser", UserName="off").status == 200
    assert sts.get_caller_identity()["Arn"].endswith(":user/off")
    assert sender.ask("mallee", "DisableUser", UserName="admin").code == "InvalidInput"


def test_outbox_that_cannot_be_written_keeps_the_mail(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    outbox: Path = cloud.layout.outbox
    aside = outbox.with_name("aside")
    outbox.rename(aside)
    outbox.write_text("in the way")
    sender.ask("mallee", "InviteAccount", AccountName="kept", Email="kept@example.org")
    assert sender.ask("mallee", "ListRegistrations").status == 200
    cloud.stop()
    outbox.unlink()
    cloud.start()
    assert len(_mails(cloud, "kept@example.org")) == 1


def test_who_comes_in_may_choose_a_password(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    invited = sender.ask("mallee", "InviteAccount", AccountName="signing", Email="s@example.org")
    token = invited.element("Token")
    assert _accept(cloud, token, Password="short").code == "PasswordPolicyViolation"
    assert _accept(cloud, token, Password="Correct-Horse-9").status == 200
    who = {"AccountName": "signing", "UserName": "admin"}
    signed_in = ask_unsigned(cloud, "SignIn", **who, Password="Correct-Horse-9")
    assert signed_in.status == 200, signed_in.text


def test_token_is_good_once_though_many_show_it_together(cloud: RunningCloud) -> None:
    sender = Sender(cloud.port, cloud.admin)
    invited = sender.ask("mallee", "InviteAccount", AccountName="raced", Email="r@example.org")
    token = invited.element("Token")
    with ThreadPoolExecutor(8) as workers:
        answers = list(workers.map(lambda _: _accept(cloud, token), range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [403] * 7
    assert sender.ask("mallee", "ListAccounts").text.count("<AccountName>raced<") == 1


@pytest.mark.parametrize(
    "address",
    ["=?utf-8?q?x?=@example.org", "=?utf-8?q?=0a?=@example.org", "=?x?b?!!!?=@example.org"],
)
def test_no_address_means_another_one_or_none_to_mail_programs(
    cloud: RunningCloud, address: str
) -> None:
    asked = {"AccountName": "odd", "Email": address}
    assert ask_unsigned(cloud, "RequestAccount", **asked).code == "ValidationError"
    people = json.dumps({"people": [{"user_name": "odd", "email": address}]})
    sender = Sender(cloud.port, cloud.admin)
    answer = sender.ask("mallee", "ImportUsers", Source="odd", Document=people)
    assert answer.code == "InvalidInput"


def test_one_address_does_not_fill_the_list(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "peer_key", lambda _: "peer/greedy")
    monkeypatch.setattr(registrations, "PEER", guessing.Limit(free=3, wait_s=60.0, wait_s_max=60.0))
    codes = [
        ask_unsigned(cloud, "RequestAccount", AccountName=f"g{n}", Email=f"g{n}@example.org").code
        for n in range(5)
    ]
    assert codes == ["", "", "", "Throttling", "Throttling"]
    monkeypatch.setattr(guessing, "peer_key", lambda _: "peer/modest")
    _request(cloud, "modest", "modest@example.org")
