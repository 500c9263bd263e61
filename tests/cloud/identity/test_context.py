"""A context key has the value that is true of the request, the caller and the thing; else none."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud import actions, http
from mallee.cloud.action import Pass
from mallee.cloud.call import Call, Principal
from mallee.cloud.identity import context
from mallee.cloud.identity.question import Question
from mallee.cloud.state import records, store
from mallee.model.compute.instances import MetadataOptions
from mallee.model.compute.keypairs import KeyPair
from mallee.model.configuration.settings import Settings
from mallee.model.identity.accountsettings import Ec2Settings, MetadataDefaults
from mallee.model.identity.identities import Role, User
from mallee.model.identity.sessions import CallerKind, Session
from mallee.model.storage.snapshots import Sharing, Snapshot
from tests.cloud import clouds
from tests.cloud.clouds import ACCOUNT, ZONE
from tests.handclock import NOW, HandClock

EC2 = f"arn:aws:ec2:us-east-1:{ACCOUNT}"
USER = Principal(
    account=ACCOUNT,
    user_id="AIDA1",
    user_name="ann",
    arn=f"arn:aws:iam::{ACCOUNT}:user/ann",
    access_key_id="AKIA1",
    is_cloud_admin=False,
)
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/job"


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[store.View]:
    for opened in clouds.open_store(tmp_path_factory.mktemp("s"), HandClock()):
        opened.transact(_populate)
        yield opened.view


def _populate(tx: store.Tx) -> None:
    clouds.add_host(tx, "h-1")
    options = MetadataOptions(http_tokens="optional")
    clouds.launch(tx, 1, tags={"Team": "red"}, metadata=options, root_device="/dev/vda")
    clouds.add_address(tx, "eipalloc-1", "203.0.113.99", "eni-1")
    image = tx.get(records.IMAGE, "ami-1")
    assert image is not None
    tx.insert(records.IMAGE, "999999999999", "ami-2", replace(image.doc, id="ami-2"))
    public = replace(image.doc, id="ami-3", is_public=True)
    tx.insert(records.IMAGE, "999999999999", "ami-3", public)
    pair = KeyPair(
        id="key-1", name="prod", kind="rsa", fingerprint="", public_key="", created_at=NOW
    )
    tx.insert(records.KEY_PAIR, ACCOUNT, pair.id, pair)
    user = User(id="AIDA1", name="ann", created_at=NOW, tags={"Team": "red", "Desk": "4"})
    tx.insert(records.USER, ACCOUNT, user.id, user)
    tx.claim(f"name/role/{ACCOUNT}", "job", "AROA1")
    role = Role(id="AROA1", name="job", created_at=NOW, trust="", tags={"Team": "blue"})
    tx.insert(records.ROLE, ACCOUNT, role.id, role)
    lax = Ec2Settings(metadata=MetadataDefaults(http_tokens="optional"))
    tx.insert(records.EC2_SETTINGS, "999999999999", "999999999999", lax)
    cut = Snapshot(
        id="snap-1",
        volume_id="vol-1",
        size_gib=4,
        zone=ZONE,
        host_id="h-1",
        cut=1,
        started_at=0.0,
    )
    tx.insert(records.SNAPSHOT, ACCOUNT, cut.id, cut)
    tx.insert(records.SNAPSHOT, "999999999999", "snap-2", replace(cut, id="snap-2"))
    shared = replace(cut, id="snap-3", sharing=Sharing(accounts=(ACCOUNT,)), tags={"a": "b"})
    tx.insert(records.SNAPSHOT, "999999999999", "snap-3", shared)


def ask(
    view: store.View,
    action: str = "ec2:DescribeInstances",
    resource: str = "*",
    asked: dict[str, Any] | None = None,
    **more: Any,
) -> context.Context:
    service, _, name = action.partition(":")
    call = Call(
        principal=more.pop("who", USER),
        action=name,
        request_id="",
        now=NOW,
        settings=Settings(),
        view=view,
    )
    request = http.Request(
        method="POST",
        path="/",
        query="",
        headers={"user-agent": "aws-cli/2", "referer": "https://console.example"},
        body=b"",
        peer="192.0.2.7",
    )
    row = actions.TABLE[service, name]
    return context.Context(
        Question(call=call, row=row, http=request, asked=asked or {}, resource=resource, **more)
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:username", "ann"),
        ("aws:userid", "AIDA1"),
        ("aws:principalarn", USER.arn),
        ("aws:principalaccount", ACCOUNT),
        ("aws:principaltype", "User"),
        ("aws:principaltag/team", "red"),
        ("aws:sourceip", "192.0.2.7"),
        ("aws:useragent", "aws-cli/2"),
        ("aws:referer", "https://console.example"),
        ("aws:securetransport", "false"),
        ("aws:viaawsservice", "false"),
        ("aws:requestedregion", "us-east-1"),
        ("aws:epochtime", str(int(NOW))),
        ("aws:currenttime", "2027-01-15T08:00:00Z"),
        ("aws:multifactorauthpresent", None),
        ("aws:multifactorauthage", None),
        ("aws:tokenissuetime", None),
        ("aws:sourceidentity", None),
        ("aws:federatedprovider", None),
        ("aws:principalorgid", None),
        ("aws:nothing", None),
        ("aws:principaltag/none", None),
        ("ec2:sourceinstancearn", None),
    ],
)
def test_a_users_request(view: store.View, key: str, value: str | None) -> None:
    assert ask(view).get(key) == value


SESSION = Session(
    kind=CallerKind.ROLE,
    account=ACCOUNT,
    issuer_id="AROA1",
    name="nightly",
    issued_at=NOW - 600,
    expires_at=NOW + 600,
    tags={"team": "green", "Ticket": "7"},
    source_identity="carol",
    mfa_at=NOW - 700,
    provider="id.example",
    claims={"id.example:sub": "42", "aws:username": "root"},
    instance_id="i-1",
)
ROLE = Principal(
    account=ACCOUNT,
    user_id="AROA1:nightly",
    user_name="",
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/job/nightly",
    access_key_id="ASIA1",
    is_cloud_admin=False,
    kind=CallerKind.ROLE,
    session=SESSION,
    issuer_arn=ROLE_ARN,
)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:username", None),
        ("aws:userid", "AROA1:nightly"),
        ("aws:principalarn", ROLE_ARN),
        ("aws:principaltype", "AssumedRole"),
        ("aws:principaltag/team", "green"),
        ("aws:principaltag/ticket", "7"),
        ("aws:multifactorauthpresent", "true"),
        ("aws:multifactorauthage", "700"),
        ("aws:tokenissuetime", "2027-01-15T07:50:00Z"),
        ("aws:sourceidentity", "carol"),
        ("aws:federatedprovider", "id.example"),
        ("id.example:sub", "42"),
        ("id.example:aud", None),
        ("ec2:sourceinstancearn", f"{EC2}:instance/i-1"),
        ("aws:ec2instancesourcevpc", "vpc-1"),
        ("aws:ec2instancesourceprivateipv4", "172.31.0.11"),
    ],
)
def test_a_roles_request(view: store.View, key: str, value: str | None) -> None:
    assert ask(view, who=ROLE).get(key) == value


@pytest.mark.parametrize(
    ("resource", "key", "value"),
    [
        ("instance/i-1", "ec2:instanceid", "i-1"),
        ("instance/i-1", "ec2:instancetype", "t3.nano"),
        ("instance/i-1", "ec2:availabilityzone", ZONE),
        ("instance/i-1", "ec2:tenancy", "default"),
        ("instance/i-1", "ec2:rootdevicetype", "ebs"),
        ("instance/i-1", "ec2:ebsoptimized", "false"),
        ("instance/i-1", "ec2:metadatahttptokens", "optional"),
        ("instance/i-1", "ec2:metadatahttpendpoint", "enabled"),
        ("instance/i-1", "ec2:metadatahttpputresponsehoplimit", "2"),
        ("instance/i-1", "ec2:resourcetag/team", "red"),
        ("instance/i-1", "aws:resourcetag/team", "red"),
        ("instance/i-1", "aws:resourceaccount", ACCOUNT),
        ("instance/i-1", "ec2:instanceprofile", None),
        ("instance/i-9", "ec2:instancetype", None),
        ("network-interface/eni-1", "ec2:networkinterfaceid", "eni-1"),
        ("network-interface/eni-1", "ec2:subnet", f"{EC2}:subnet/subnet-1"),
        ("network-interface/eni-1", "ec2:vpc", f"{EC2}:vpc/vpc-1"),
        ("network-interface/eni-1", "ec2:availabilityzone", ZONE),
        ("subnet/subnet-1", "ec2:subnetid", "subnet-1"),
        ("subnet/subnet-1", "ec2:vpc", f"{EC2}:vpc/vpc-1"),
        ("subnet/subnet-1", "ec2:availabilityzone", ZONE),
        ("security-group/sg-1", "ec2:securitygroupid", "sg-1"),
        ("security-group/sg-1", "ec2:vpc", f"{EC2}:vpc/vpc-1"),
        ("vpc/vpc-1", "ec2:vpcid", "vpc-1"),
        ("vpc/vpc-1", "ec2:tenancy", "default"),
        ("elastic-ip/eipalloc-1", "ec2:allocationid", "eipalloc-1"),
        ("elastic-ip/eipalloc-1", "ec2:publicipaddress", "203.0.113.99"),
        ("elastic-ip/eipalloc-1", "ec2:domain", "vpc"),
        ("key-pair/prod", "ec2:keypairname", "prod"),
        ("key-pair/prod", "ec2:keypairtype", "rsa"),
        ("key-pair/prod", "ec2:instanceid", None),
    ],
)
def test_a_thing_that_is_there(
    view: store.View, resource: str, key: str, value: str | None
) -> None:
    assert ask(view, resource=f"{EC2}:{resource}").get(key) == value


@pytest.mark.parametrize(
    ("image", "key", "value"),
    [
        ("ami-1", "ec2:owner", ACCOUNT),
        ("ami-1", "ec2:public", "false"),
        ("ami-1", "ec2:imagetype", "machine"),
        ("ami-1", "ec2:imageid", "ami-1"),
        ("ami-2", "ec2:owner", None),
        ("ami-2", "ec2:public", None),
        ("ami-3", "ec2:owner", "999999999999"),
        ("ami-3", "ec2:public", "true"),
    ],
)
def test_only_images_that_one_may_see_have_an_owner(
    view: store.View, image: str, key: str, value: str | None
) -> None:
    assert ask(view, resource=f"arn:aws:ec2:us-east-1::image/{image}").get(key) == value


@pytest.mark.parametrize(
    ("snapshot", "key", "value"),
    [
        ("snap-1", "ec2:owner", ACCOUNT),
        ("snap-1", "ec2:parentvolume", f"{EC2}:volume/vol-1"),
        ("snap-1", "ec2:snapshotid", "snap-1"),
        ("snap-1", "ec2:snapshottime", "1970-01-01T00:00:00.000Z"),
        ("snap-1", "ec2:volumesize", "4"),
        ("snap-2", "ec2:owner", None),
        ("snap-2", "ec2:parentvolume", None),
        ("snap-2", "ec2:volumesize", None),
        ("snap-3", "ec2:owner", "999999999999"),
        ("snap-3", "ec2:parentvolume", "arn:aws:ec2:us-east-1:999999999999:volume/vol-1"),
        ("snap-3", "ec2:volumesize", "4"),
        ("snap-3", "ec2:resourcetag/a", None),
    ],
)
def test_a_snapshot_has_the_keys_of_its_volume(
    view: store.View, snapshot: str, key: str, value: str | None
) -> None:
    assert ask(view, resource=f"arn:aws:ec2:us-east-1::snapshot/{snapshot}").get(key) == value


def test_a_snapshot_to_be_made_has_its_volume(view: store.View) -> None:
    arn = "arn:aws:ec2:us-east-1::snapshot/*"
    found = ask(view, "ec2:CreateSnapshot", arn, {"VolumeId": "vol-1"})
    assert found["ec2:parentvolume"] == f"{EC2}:volume/vol-1"


@pytest.mark.parametrize(
    ("asked", "key", "value"),
    [
        ({"UserIds": ["1", "2"], "OperationType": "add"}, "ec2:add/userid", ("1", "2")),
        ({"UserIds": ["1"], "OperationType": "remove"}, "ec2:add/userid", None),
        ({"GroupNames": ["all"], "OperationType": "remove"}, "ec2:remove/group", ("all",)),
        ({"CreateVolumePermission": {"Add": [{"Group": "all"}]}}, "ec2:add/group", ("all",)),
        ({"CreateVolumePermission": {"Add": [{"UserId": "1"}]}}, "ec2:add", ("userid",)),
        ({"LockDuration": 3, "CoolOffPeriod": 2}, "ec2:snapshotlockduration", "3"),
        ({"LockDuration": 3, "CoolOffPeriod": 2}, "ec2:snapshotcooloffperiod", "2"),
    ],
    ids=str,
)
def test_policies_may_ask_how_a_snapshot_is_shared_and_locked(
    view: store.View, asked: dict[str, Any], key: str, value: object
) -> None:
    arn = "arn:aws:ec2:us-east-1::snapshot/snap-1"
    assert ask(view, "ec2:ModifySnapshotAttribute", arn, asked).get(key) == value


LAUNCH: dict[str, Any] = {
    "InstanceType": "m5.large",
    "NetworkInterfaces": [{"SubnetId": "subnet-1", "AssociatePublicIpAddress": False}],
    "MetadataOptions": {"HttpTokens": "optional"},
    "IamInstanceProfile": {"Name": "web"},
    "TagSpecifications": [
        {"ResourceType": "instance", "Tags": [{"Key": "Team", "Value": "red"}]},
        {"ResourceType": "network-interface", "Tags": [{"Key": "x", "Value": "y"}]},
    ],
}


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("instance", "ec2:instancetype", "m5.large"),
        ("instance", "ec2:availabilityzone", ZONE),
        ("instance", "ec2:metadatahttptokens", "optional"),
        ("instance", "ec2:instanceprofile", f"arn:aws:iam::{ACCOUNT}:instance-profile/web"),
        ("instance", "ec2:instanceid", None),
        ("instance", "ec2:newinstanceprofile", None),
        ("instance", "aws:requesttag/team", "red"),
        ("instance", "aws:requesttag/x", None),
        ("instance", "aws:tagkeys", ("Team",)),
        ("instance", "aws:resourcetag/team", None),
        ("network-interface", "ec2:subnet", f"{EC2}:subnet/subnet-1"),
        ("network-interface", "ec2:vpc", f"{EC2}:vpc/vpc-1"),
        ("network-interface", "ec2:associatepublicipaddress", "false"),
        ("network-interface", "aws:tagkeys", ("x",)),
    ],
)
def test_a_thing_that_is_to_be_made(
    view: store.View, kind: str, key: str, value: str | None
) -> None:
    found = ask(view, "ec2:RunInstances", f"{EC2}:{kind}/*", LAUNCH)
    assert found.get(key) == value


def test_a_namesake_in_another_account_is_another_thing(view: store.View) -> None:
    assert ask(view, "iam:GetRole", ROLE_ARN)["aws:resourcetag/team"] == "blue"
    there = ROLE_ARN.replace(ACCOUNT, "999999999999")
    assert "aws:resourcetag/team" not in ask(view, "iam:GetRole", there)
    assert "aws:resourcetag/team" not in ask(view, "sts:AssumeRole", there)
    who = replace_account(USER, "999999999999")
    assert ask(view, "sts:AssumeRole", ROLE_ARN, who=who)["iam:resourcetag/team"] == "blue"
    assert "iam:resourcetag/team" not in ask(view, "iam:GetRole", ROLE_ARN, who=who)


def replace_account(who: Principal, account: str) -> Principal:
    return dataclasses.replace(who, account=account)


def test_what_nobody_asked_for_is_what_everybody_gets(view: store.View) -> None:
    found = ask(view, "ec2:RunInstances", f"{EC2}:instance/*")
    assert found["ec2:metadatahttptokens"] == "required"
    assert found["ec2:instancetype"]
    assert "ec2:availabilityzone" not in found


def test_what_nobody_asked_for_is_what_the_account_has_set(view: store.View) -> None:
    who = replace_account(USER, "999999999999")
    here = "arn:aws:ec2:us-east-1:999999999999:instance/*"
    found = ask(view, "ec2:RunInstances", here, who=who)
    assert found["ec2:metadatahttptokens"] == "optional"
    required = {"MetadataOptions": {"HttpTokens": "required"}}
    found = ask(view, "ec2:RunInstances", here, required, who=who)
    assert found["ec2:metadatahttptokens"] == "required"


def test_a_change_tells_which_attribute_and_what_it_shall_be(view: store.View) -> None:
    here = f"{EC2}:instance/i-1"
    new = ask(
        view,
        "ec2:ModifyInstanceAttribute",
        here,
        {"InstanceId": "i-1", "DisableApiTermination": {"Value": True}},
    )
    assert new["ec2:attribute"] == ("DisableApiTermination",)
    assert new["ec2:attribute/disableapitermination"] == "true"
    old = ask(
        view,
        "ec2:ModifyInstanceAttribute",
        here,
        {"InstanceId": "i-1", "Attribute": "instanceType", "Value": "t3.micro"},
    )
    assert old["ec2:attribute/instancetype"] == "t3.micro"
    assert "ec2:attribute" not in ask(view, "ec2:StopInstances", here, {"InstanceIds": ["i-1"]})


def test_a_role_that_is_passed_is_told(view: store.View) -> None:
    passed = Pass(ROLE_ARN, "ec2.amazonaws.com", (f"{EC2}:instance/i-1",))
    found = ask(view, "ec2:RunInstances", ROLE_ARN, passed=passed)
    assert found["iam:passedtoservice"] == "ec2.amazonaws.com"
    assert found["iam:associatedresourcearn"] == (f"{EC2}:instance/i-1",)
    assert "iam:passedtoservice" not in ask(view)


def test_a_request_to_sts_is_told(view: store.View) -> None:
    asked = {
        "RoleSessionName": "nightly",
        "ExternalId": "42",
        "SourceIdentity": "dave",
        "TransitiveTagKeys": ["a"],
        "Tags": [{"Key": "a", "Value": "b"}],
        "SerialNumber": "x",
        "TokenCode": "123456",
    }
    found = ask(view, "sts:AssumeRole", ROLE_ARN, asked)
    assert found["sts:rolesessionname"] == "nightly"
    assert found["sts:externalid"] == "42"
    assert found["sts:sourceidentity"] == "dave"
    assert found["sts:transitivetagkeys"] == ("a",)
    assert found["aws:requesttag/a"] == "b"
    assert found["aws:multifactorauthpresent"] == "true"
    chained = ask(view, "sts:AssumeRole", ROLE_ARN, {"RoleSessionName": "n"}, who=ROLE)
    assert chained["sts:sourceidentity"] == "carol"


def test_a_code_counts_only_where_it_is_tried(view: store.View) -> None:
    asked = {"TokenCode": "123456"}
    assert "aws:multifactorauthpresent" not in ask(view, asked=asked)


def test_whoever_looks_sees_every_key_that_has_a_value(view: store.View) -> None:
    found = ask(view)
    assert "aws:username" in set(found)
    assert len(found) == len(set(found))
    assert set(found) <= context.KEYS


def test_what_is_too_long_is_not_asked_about(view: store.View) -> None:
    asked = {"Tags": [{"Key": "a", "Value": "b" * (context.LENGTH_MAX + 1)}]}
    found = ask(view, "ec2:CreateTags", f"{EC2}:instance/i-1", asked)
    with pytest.raises(context.TooLong):
        found.get("aws:requesttag/a")
    many = {"TagKeys": ["k" * 128] * 1000}
    with pytest.raises(context.TooLong):
        ask(view, "ec2:DeleteTags", f"{EC2}:instance/i-1", many).get("aws:tagkeys")
