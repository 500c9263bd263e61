"""The administration makes accounts that work at once, and nobody else does."""

from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender


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
