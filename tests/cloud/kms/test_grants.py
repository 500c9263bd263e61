"""Grants let somebody use a key beside all policies, for what they say and no longer."""

from collections.abc import Callable
from typing import Any

from tests.cloud.kms.people import Person, allow, refusal, stranger
from tests.cloud.running import RunningCloud

User = Callable[..., Person]


def test_who_is_granted_may_until_it_is_taken_back(kms: Any, key: str, user: User) -> None:
    ann = user()
    asked = {"KeyId": key, "Plaintext": b"x"}
    assert refusal(ann.kms.encrypt, **asked) == "AccessDeniedException"
    made = kms.create_grant(KeyId=key, GranteePrincipal=ann.arn, Operations=["Encrypt"])
    blob = ann.kms.encrypt(**asked, GrantTokens=[made["GrantToken"]])["CiphertextBlob"]
    assert refusal(ann.kms.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    (shown,) = kms.list_grants(KeyId=key)["Grants"]
    assert (shown["GranteePrincipal"], shown["Operations"]) == (ann.arn, ["Encrypt"])
    assert shown["IssuingAccount"] == f"arn:aws:iam::{ann.account}:root"
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    assert refusal(ann.kms.encrypt, **asked) == "AccessDeniedException"
    assert refusal(kms.revoke_grant, KeyId=key, GrantId=made["GrantId"]) == "NotFoundException"


def test_a_grant_holds_in_its_context(kms: Any, key: str, user: User) -> None:
    some, all_of_it = user(), user()
    pairs = {"tenant": "7"}
    for person, name in ((some, "EncryptionContextSubset"), (all_of_it, "EncryptionContextEquals")):
        kms.create_grant(
            KeyId=key,
            GranteePrincipal=person.arn,
            Operations=["Encrypt"],
            Constraints={name: pairs},
        )
    asked = {"KeyId": key, "Plaintext": b"x"}
    more = {**pairs, "other": "1"}
    for person in (some, all_of_it):
        assert refusal(person.kms.encrypt, **asked) == "AccessDeniedException"
        assert person.kms.encrypt(**asked, EncryptionContext=pairs)["KeyId"] == key
    assert some.kms.encrypt(**asked, EncryptionContext=more)["KeyId"] == key
    code = refusal(all_of_it.kms.encrypt, **asked, EncryptionContext=more)
    assert code == "AccessDeniedException"


def test_a_denial_beats_a_grant(kms: Any, key: str, user: User) -> None:
    denied = user({"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*"})
    kms.create_grant(KeyId=key, GranteePrincipal=denied.arn, Operations=["Encrypt"])
    code = refusal(denied.kms.encrypt, KeyId=key, Plaintext=b"x")
    assert code == "AccessDeniedException"


def test_he_who_is_granted_grants_no_more_than_he_has(kms: Any, key: str, user: User) -> None:
    ann, bob = user(), user()
    pairs = {"EncryptionContextSubset": {"tenant": "7"}}
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=ann.arn,
        Operations=["Encrypt", "CreateGrant"],
        Constraints=pairs,
    )
    asked: dict[str, Any] = {"KeyId": key, "GranteePrincipal": bob.arn}
    for more in (
        {"Operations": ["Encrypt"]},
        {"Operations": ["Decrypt"], "Constraints": pairs},
        {"Operations": ["Encrypt"], "Constraints": {"EncryptionContextSubset": {"tenant": "8"}}},
    ):
        assert refusal(ann.kms.create_grant, **asked, **more) == "AccessDeniedException"
    ann.kms.create_grant(**asked, Operations=["Encrypt"], Constraints=pairs)
    context = {"tenant": "7"}
    assert bob.kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["KeyId"] == key


def test_who_retires_a_grant_is_named_in_it(kms: Any, key: str, user: User) -> None:
    ann, bob, eve = user(), user(), user()
    asked: dict[str, Any] = {
        "KeyId": key,
        "GranteePrincipal": ann.arn,
        "RetiringPrincipal": bob.arn,
        "Operations": ["Encrypt"],
    }
    made = kms.create_grant(**asked)
    named = {"KeyId": key, "GrantId": made["GrantId"]}
    for person in (ann, eve):
        assert refusal(person.kms.retire_grant, **named) == "AccessDeniedException"
    found = kms.list_retirable_grants(RetiringPrincipal=bob.arn)["Grants"]
    assert [grant["GrantId"] for grant in found] == [made["GrantId"]]
    bob.kms.retire_grant(**named)
    again = kms.create_grant(**{**asked, "Operations": ["Encrypt", "RetireGrant"]})
    ann.kms.retire_grant(GrantToken=again["GrantToken"])
    assert kms.list_grants(KeyId=key)["Grants"] == []
    assert refusal(kms.retire_grant, GrantToken=again["GrantToken"]) == (
        "InvalidGrantTokenException"
    )


def test_who_may_retire_his_grant_retires_no_other(kms: Any, key: str, user: User) -> None:
    ann, bob = user(), user()
    asked = {"KeyId": key, "Operations": ["Encrypt", "RetireGrant"]}
    kms.create_grant(**asked, GranteePrincipal=ann.arn)
    other = kms.create_grant(
        **asked, GranteePrincipal=bob.arn, RetiringPrincipal=f"arn:aws:iam::{ann.account}:root"
    )
    named = {"KeyId": key, "GrantId": other["GrantId"]}
    assert refusal(ann.kms.retire_grant, **named) == "AccessDeniedException"
    assert refusal(user().kms.retire_grant, **named) == "AccessDeniedException"
    bob.kms.retire_grant(**named)


def test_the_same_grant_of_a_name_is_one(kms: Any, key: str, user: User) -> None:
    asked = {"KeyId": key, "GranteePrincipal": user().arn, "Operations": ["Encrypt"], "Name": "n"}
    ids = {kms.create_grant(**asked)["GrantId"] for _ in range(2)}
    assert len(ids) == 1
    del asked["Name"]
    ids |= {kms.create_grant(**asked)["GrantId"] for _ in range(2)}
    assert len(ids) == 3
    first = kms.list_grants(KeyId=key, Limit=2)
    rest = kms.list_grants(KeyId=key, Limit=2, Marker=first["NextMarker"])
    assert {one["GrantId"] for one in (*first["Grants"], *rest["Grants"])} == ids


def test_another_account_needs_policies_of_its_own_too(
    cloud: RunningCloud, kms: Any, key: str
) -> None:
    other = stranger(cloud)
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=f"arn:aws:iam::{other.account}:root",
        Operations=["Encrypt", "DescribeKey"],
    )
    assert other.kms.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key
    assert refusal(other.kms.list_grants, KeyId=key) == "AccessDeniedException"


def test_what_cannot_be_granted_is_refused(kms: Any, key: str, user: User) -> None:
    ann = user(allow("kms:Encrypt"))
    asked = {"KeyId": key, "GranteePrincipal": ann.arn, "Operations": ["Encrypt"]}
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"Operations": ["Sign"]}, "ValidationException"),
        ({"Operations": []}, "ValidationException"),
        ({"GranteePrincipal": ann.arn + "0"}, "InvalidArnException"),
        ({"GranteePrincipal": "ann"}, "InvalidArnException"),
        ({"GrantTokens": ["nonsense"]}, "InvalidGrantTokenException"),
        ({"Constraints": {"EncryptionContextEquals": {}}}, "ValidationException"),
        ({"Constraints": {"SourceArn": key}}, "UnsupportedOperationException"),
    )
    for change, code in refused:
        assert refusal(kms.create_grant, **{**asked, **change}) == code
    kms.disable_key(KeyId=key)
    assert refusal(kms.create_grant, **asked) == "DisabledException"
