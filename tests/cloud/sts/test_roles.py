"""A role is taken on by whom it trusts, who also may; its credentials are worth what it may do."""

import datetime
from typing import Any

import pytest

from tests.cloud.sts.people import People, policy, refused

MAY_ASSUME = {"Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}
ALL_OF_IT = MAY_ASSUME["Action"]
DESCRIBE = {"Action": "ec2:DescribeInstances"}


def trusting(arn: str, **more: Any) -> dict[str, Any]:
    return {"Principal": {"AWS": arn}, "Action": ALL_OF_IT, **more}


def test_role_is_taken_on_and_may_do_what_it_may(people: People) -> None:
    ann = people.user()
    role = people.role(trusting(ann.arn), DESCRIBE)
    answer = people.client("sts", ann).assume_role(RoleArn=role, RoleSessionName="work")
    name = role.rpartition("/")[2]
    who = f"arn:aws:sts::{ann['account_id']}:assumed-role/{name}/work"
    assert answer["AssumedRoleUser"]["Arn"] == who
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    identity = people.client("sts", credentials).get_caller_identity()
    assert identity["Arn"] == who
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert identity["UserId"].startswith("AROA")
    assert identity["Account"] == ann["account_id"]
    ec2 = people.client("ec2", credentials)
    ec2.describe_instances()
    assert refused(ec2.describe_vpcs) == "UnauthorizedOperation"
    assert refused(people.client("iam", credentials).list_users) == "AccessDenied"


def test_life_is_an_hour_or_what_is_asked_within_the_role_s_bound(people: People) -> None:
    ann = people.user()
    role = people.role(trusting(ann.arn), MaxSessionDuration=7200)
    now = datetime.datetime.now(datetime.UTC)
    hour = people.assume(role, ann)["Expiration"] - now
    assert abs(hour.total_seconds() - 3600) < 60
    long = people.assume(role, ann, DurationSeconds=7200)["Expiration"] - now
    assert abs(long.total_seconds() - 7200) < 60
    assert refused(people.assume, role, ann, DurationSeconds=7201) == "ValidationError"
    assert refused(people.assume, role, ann, DurationSeconds=60) == "ValidationError"


def test_nobody_takes_on_a_role_that_does_not_trust_him(people: People) -> None:
    ann, bob = people.user(), people.user(MAY_ASSUME)
    role = people.role(trusting(ann.arn))
    assert refused(people.assume, role, bob) == "AccessDenied"
    assert refused(people.assume, role) == "AccessDenied"


def test_account_that_is_trusted_decides_who_of_it_may(people: People) -> None:
    ann, bob = people.user(), people.user(MAY_ASSUME)
    role = people.role(trusting(ann["account_id"]))
    assert refused(people.assume, role, ann) == "AccessDenied"
    people.assume(role, bob)


def test_role_of_another_account_takes_both_sides(people: People) -> None:
    other = people.account()
    ann, bob = people.user(), people.user(MAY_ASSUME)
    closed = people.role(trusting(other["account_id"]), of=other)
    role = people.role(trusting(ann["account_id"]), DESCRIBE, of=other)
    assert refused(people.assume, role, ann) == "AccessDenied"
    assert refused(people.assume, closed, bob) == "AccessDenied"
    credentials = people.assume(role, bob)
    assert people.client("sts", credentials).get_caller_identity()["Account"] == other["account_id"]
    people.client("ec2", credentials).describe_instances()


def test_role_that_is_not_there_is_refused_like_one_that_does_not_trust(people: People) -> None:
    other = people.account()
    bob = people.user(MAY_ASSUME)
    role = people.role(trusting(other["account_id"]), of=other)
    for arn in (role, f"{role}x", "arn:aws:iam::999999999999:role/admin", bob.arn):
        with pytest.raises(Exception, match="AccessDenied") as error:
            people.assume(arn, bob)
        said = str(error.value).replace(arn, "ARN")
        assert "is not authorized to perform: sts:AssumeRole on resource: ARN" in said
    assert refused(people.assume, "nothing at all, really", bob) in (
        "ValidationError",
        "AccessDenied",
    )


def test_external_id_is_asked_for(people: People) -> None:
    ann = people.user()
    condition = {"StringEquals": {"sts:ExternalId": "1234"}}
    role = people.role(trusting(ann.arn, Condition=condition))
    assert refused(people.assume, role, ann) == "AccessDenied"
    assert refused(people.assume, role, ann, ExternalId="4321") == "AccessDenied"
    people.assume(role, ann, ExternalId="1234")


def test_session_policies_take_away_and_give_nothing(people: People) -> None:
    ann = people.user()
    everything = {"Action": "ec2:*"}
    role = people.role(trusting(ann.arn), everything)
    ec2 = people.client("ec2", people.assume(role, ann, Policy=policy(DESCRIBE)))
    ec2.describe_instances()
    assert refused(ec2.describe_vpcs) == "UnauthorizedOperation"
    wide = people.assume(role, ann, Policy=policy({"Action": "*"}))
    assert refused(people.client("iam", wide).list_users) == "AccessDenied"
    given = [{"arn": "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"}]
    reader = people.client("ec2", people.assume(role, ann, PolicyArns=given))
    reader.describe_vpcs()
    assert refused(reader.allocate_address) == "UnauthorizedOperation"


def test_session_policies_that_mean_nothing_are_refused(people: People) -> None:
    ann = people.user()
    role = people.role(trusting(ann.arn))
    other = people.account()
    made = people.client("iam", other).create_policy(
        PolicyName="p", PolicyDocument=policy(DESCRIBE)
    )
    foreign = [{"arn": made["Policy"]["Arn"]}]
    absent = [{"arn": f"arn:aws:iam::{ann['account_id']}:policy/absent"}]
    for code, asked in (
        ("MalformedPolicyDocument", {"Policy": "{}"}),
        ("MalformedPolicyDocument", {"Policy": "no JSON"}),
        ("ValidationError", {"PolicyArns": foreign}),
        ("ValidationError", {"PolicyArns": absent}),
        ("ValidationError", {"PolicyArns": absent * 11}),
    ):
        assert refused(people.assume, role, ann, **asked) == code, asked


def test_policies_and_tags_that_do_not_fit_are_refused(people: People) -> None:
    ann = people.user()
    role = people.role(trusting(ann.arn))
    tags = [{"Key": f"k{n}", "Value": f"{n * 7919:08x}" * 30} for n in range(50)]
    noise = "".join(chr(33 + (n * n * 31 + n // 7) % 90) for n in range(16_000)).replace('"', "")
    text = policy({"Action": "*", "Condition": {"StringEquals": {"aws:UserAgent": noise[:2000]}}})
    answer = people.client("sts", ann).assume_role(
        RoleArn=role, RoleSessionName="work", Tags=tags, Policy=text.replace("\\", "")
    )
    assert 0 < answer["PackedPolicySize"] <= 100
    big = [
        {"Key": f"{n}{noise[n * 100 : n * 100 + 100]}".translate(_PLAIN), "Value": _value(n)}
        for n in range(50)
    ]
    assert refused(people.assume, role, ann, Tags=big) == "PackedPolicyTooLarge"


_PLAIN = str.maketrans({chr(n): "x" for n in range(128) if not chr(n).isalnum()})


def _value(seed: int) -> str:
    number = pow(65_537, seed + 500, 1 << 1016)
    return f"{number:0254x}"[:254]


def test_tags_of_a_session_are_the_principal_s(people: People) -> None:
    ann = people.user()
    mine = {"Action": "ec2:*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}
    role = people.role(trusting(ann.arn), mine, Tags=[{"Key": "team", "Value": "blue"}])
    plain = people.client("ec2", people.assume(role, ann))
    assert refused(plain.describe_vpcs) == "UnauthorizedOperation"
    red = people.assume(role, ann, Tags=[{"Key": "Team", "Value": "red"}])
    people.client("ec2", red).describe_vpcs()


def test_tagging_a_session_is_a_permission_of_both_sides(people: People) -> None:
    other = people.account()
    bob = people.user(MAY_ASSUME)
    tags = [{"Key": "a", "Value": "b"}]
    role = people.role({"Principal": {"AWS": bob["account_id"]}}, of=other)
    people.assume(role, bob)
    assert refused(people.assume, role, bob, Tags=tags) == "AccessDenied"
    assert refused(people.assume, role, bob, SourceIdentity="bob") == "AccessDenied"
    only = people.user({"Action": "sts:AssumeRole"})
    role = people.role(trusting(only["account_id"]), of=other)
    assert refused(people.assume, role, only, Tags=tags) == "AccessDenied"


@pytest.mark.parametrize(
    "asked",
    [
        {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]},
        {"Tags": [{"Key": "aws:a", "Value": "1"}]},
        {"Tags": [{"Key": "a", "Value": "1"}], "TransitiveTagKeys": ["b"]},
        {"SourceIdentity": "aws:me"},
        {"TokenCode": "123456"},
    ],
)
def test_what_no_session_can_have_is_refused(people: People, asked: dict[str, Any]) -> None:
    ann = people.user()
    role = people.role(trusting(ann.arn))
    assert refused(people.assume, role, ann, **asked) in ("ValidationError", "AccessDenied")


def test_chain_keeps_who_was_at_its_beginning(people: People) -> None:
    ann = people.user()
    account = ann["account_id"]
    first = people.role(trusting(ann.arn), MAY_ASSUME, MaxSessionDuration=7200)
    mine = {
        "Action": "ec2:*",
        "Condition": {
            "StringEquals": {
                "aws:PrincipalTag/team": "red",
                "aws:SourceIdentity": "ann",
            },
            "Null": {"aws:PrincipalTag/desk": "true"},
        },
    }
    second = people.role(trusting(account), mine, MaxSessionDuration=7200)
    session = people.assume(
        first,
        ann,
        SourceIdentity="ann",
        Tags=[{"Key": "team", "Value": "red"}, {"Key": "desk", "Value": "7"}],
        TransitiveTagKeys=["team"],
        DurationSeconds=7200,
    )
    assert refused(people.assume, second, session, DurationSeconds=7200) == "ValidationError"
    assert refused(people.assume, second, session, SourceIdentity="bob") == "AccessDenied"
    changed = [{"Key": "Team", "Value": "blue"}]
    assert refused(people.assume, second, session, Tags=changed) == "ValidationError"
    answer = people.client("sts", session).assume_role(RoleArn=second, RoleSessionName="two")
    assert answer["SourceIdentity"] == "ann"
    people.client("ec2", answer["Credentials"]).describe_vpcs()


def test_roles_that_trust_each_other_are_no_way_to_more(people: People) -> None:
    ann = people.user()
    first = people.role(trusting(ann.arn), MAY_ASSUME)
    second = people.role(trusting(first), MAY_ASSUME, DESCRIBE)
    iam = people.client("iam")
    for_both = {"Principal": {"AWS": [ann.arn, second]}, "Action": ALL_OF_IT}
    iam.update_assume_role_policy(
        RoleName=first.rpartition("/")[2], PolicyDocument=policy(for_both)
    )
    session = people.assume(first, ann)
    for arn in (second, first, second, first):
        session = people.assume(arn, session)
    assert refused(people.client("ec2", session).describe_vpcs) == "UnauthorizedOperation"
    assert refused(people.client("ec2", session).describe_instances) == "UnauthorizedOperation"


def test_role_trusts_itself_only_when_it_says_so(people: People) -> None:
    ann = people.user()
    role = people.role(trusting(ann.arn), MAY_ASSUME)
    session = people.assume(role, ann)
    assert refused(people.assume, role, session) == "AccessDenied"


def test_session_policy_bounds_what_the_trust_in_a_role_gives(people: People) -> None:
    ann = people.user()
    first = people.role(trusting(ann.arn))
    second = people.role(trusting(first))
    people.assume(second, people.assume(first, ann))
    bounded = people.assume(first, ann, Policy=policy(DESCRIBE))
    assert refused(people.assume, second, bounded) == "AccessDenied"
    wide = people.assume(first, ann, Policy=policy(MAY_ASSUME))
    people.assume(second, wide)


def test_trust_in_one_session_is_in_no_other(people: People) -> None:
    ann = people.user()
    first = people.role(trusting(ann.arn))
    session = f"{first.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/tests"
    second = people.role(trusting(session))
    people.assume(second, people.assume(first, ann))
    other = people.assume(first, ann, RoleSessionName="other")
    assert refused(people.assume, second, other) == "AccessDenied"


def test_boundary_of_a_role_bounds_its_sessions(people: People) -> None:
    ann = people.user()
    read_only = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
    role = people.role(trusting(ann.arn), {"Action": "*"}, PermissionsBoundary=read_only)
    ec2 = people.client("ec2", people.assume(role, ann))
    ec2.describe_vpcs()
    assert refused(ec2.allocate_address) == "UnauthorizedOperation"


def test_administrator_takes_on_a_role_only_when_it_trusts_him(people: People) -> None:
    other = people.account()
    account = other["account_id"]
    mine = people.role(trusting(account), DESCRIBE)
    people.client("ec2", people.assume(mine, other)).describe_instances()
    nobodys = people.role({"Principal": {"Service": "ec2.amazonaws.com"}}, of=other)
    assert refused(people.assume, nobodys, other) == "AccessDenied"
    people.assume(people.role(trusting(account), of=other), other)


def test_denial_in_a_trust_policy_wins(people: People) -> None:
    ann = people.user(MAY_ASSUME)
    role = people.role(trusting(ann["account_id"]))
    people.assume(role, ann)
    statements = [
        trusting(ann["account_id"]),
        {"Effect": "Deny", "Principal": {"AWS": ann.arn}, "Action": "sts:AssumeRole"},
    ]
    people.client("iam").update_assume_role_policy(
        RoleName=role.rpartition("/")[2], PolicyDocument=policy(*statements)
    )
    assert refused(people.assume, role, ann) == "AccessDenied"


def test_namesake_of_a_trusted_user_is_not_trusted(people: People) -> None:
    ann = people.user()
    role = people.role(trusting(ann.arn))
    people.assume(role, ann)
    iam = people.client("iam")
    iam.delete_access_key(UserName=ann["name"], AccessKeyId=ann["access_key_id"])
    iam.delete_user(UserName=ann["name"])
    iam.create_user(UserName=ann["name"])
    made = iam.create_access_key(UserName=ann["name"])["AccessKey"]
    assert refused(people.assume, role, made) == "AccessDenied"
