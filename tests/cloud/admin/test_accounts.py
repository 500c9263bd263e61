"""The administration makes accounts that work at once, and nobody else does."""

from tests.cloud.running import RunningCloud
from tests.cloud.signing import Answer, Sender


def test_new_account_works_at_once(cloud: RunningCloud, sender: Sender) -> None:
    made = sender.ask("mallee", "CreateAccount", AccountName="physics")
    assert made.status == 200, made.text
    key = {
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }
    assert cloud.client("sts", key).get_caller_identity()["Account"] == made.element("AccountId")
    assert len(cloud.client("ec2", key).describe_vpcs()["Vpcs"]) == 1
    listed = sender.ask("mallee", "ListAccounts")
    assert "<AccountName>physics</AccountName>" in listed.text
    assert key["secret_access_key"] not in listed.text


def test_name_is_given_once(sender: Sender) -> None:
    assert sender.ask("mallee", "CreateAccount", AccountName="admin").code == "EntityAlreadyExists"
    before = sender.ask("mallee", "ListAccounts").text.count("<AccountId>")
    assert sender.ask("mallee", "CreateAccount", AccountName="Not A Name").status == 400
    assert sender.ask("mallee", "ListAccounts").text.count("<AccountId>") == before


def _as_eucalyptus(sender: Sender, action: str, **parameters: str) -> Answer:
    """Ask as `euare-account…` does: IAM's path, version and scope."""
    asked = {"Version": "2010-05-08", "Action": action, **parameters}
    return sender.send(sender.signed("iam", asked, path="/services/Euare"))


def test_eucalyptus_clients_ask_iam_for_accounts(cloud: RunningCloud, sender: Sender) -> None:
    made = _as_eucalyptus(sender, "CreateAccount", AccountName="old-style")
    assert made.status == 200, made.text
    assert "old-style" in _as_eucalyptus(sender, "ListAccounts").text
    deny = '{"Version":"2011-04-01","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    named = {"AccountName": "old-style", "PolicyName": "p"}
    put = _as_eucalyptus(sender, "PutAccountPolicy", **named, PolicyDocument=deny)
    assert put.status == 200, put.text
    listed = _as_eucalyptus(sender, "ListAccountPolicies", AccountName="old-style")
    assert "<member>p</member>" in listed.text
    assert _as_eucalyptus(sender, "DeleteAccountPolicy", **named).status == 200
    key = {
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }
    assert _as_eucalyptus(Sender(cloud.port, key), "ListAccounts").code == "AccessDenied"
    wrong = sender.signed("mallee", {"Action": "ListAccounts"}, secret="x" * 40)
    assert sender.send(wrong).code == "SignatureDoesNotMatch"
    ended = _as_eucalyptus(sender, "DeleteAccount", AccountName="old-style", Recursive="true")
    assert ended.status == 200
