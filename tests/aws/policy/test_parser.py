import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.aws import errors, policy
from mallee.aws.policy import grammar, parser
from tests.aws.policy.making import HERE, statement, text

IDENTITY, RESOURCE, TRUST = policy.Kind.IDENTITY, policy.Kind.RESOURCE, policy.Kind.TRUST


def refusal(source: Any, kind: policy.Kind = IDENTITY) -> str:
    with pytest.raises(errors.MalformedPolicyDocument) as caught:
        policy.parse(source, kind)
    return caught.value.message


def test_one_thing_and_a_list_of_it_are_the_same() -> None:
    one = {"Version": "2012-10-17", "Statement": statement(Action="s3:*")}
    many = {"Version": "2012-10-17", "Statement": [statement(Action=["s3:*"], Resource=["*"])]}
    assert policy.parse(one, IDENTITY) == policy.parse(json.dumps(many), IDENTITY)


def test_numbers_and_truths_of_json_stand_for_their_texts() -> None:
    found = policy.parse(
        text(statement(Condition={"Bool": {"a:b": True}, "NumericEquals": {"a:c": [5, 1.5]}})),
        IDENTITY,
    )
    assert [one.values for one in found.statements[0].conditions] == [("true",), ("5", "1.5")]


@pytest.mark.parametrize(
    ("one", "message"),
    [
        ({"Action": []}, "Policy statement must contain actions."),
        ({"Resource": []}, "Policy statement must contain resources."),
        ({"Action": "run"}, "Actions/Conditions must be prefaced by a vendor"),
        ({"Action": "a:b:c"}, "Actions/Condition can contain only one colon."),
        ({"Action": "e_2:Run"}, "Vendor e_2 is not valid"),
        ({"Action": "ec2:Run Instances"}, "Syntax errors in policy."),
        ({"Resource": "box"}, 'Resource box must be in ARN format or "*".'),
        (
            {"Resource": "arn:sw:s3:::b"},
            'Partition "sw" is not valid for resource "arn:sw:s3:::b".',
        ),
        ({"Resource": "arn:aws"}, "Resource vendor must be fully qualified"),
        ({"Resource": "arn:aws::::"}, "The policy failed legacy parsing"),
        ({"Resource": "arn:aws:s3::b"}, "The policy failed legacy parsing"),
        ({"Resource": f"arn:aws:iam:x:{HERE}:user/a"}, "cannot contain region information."),
        ({"Resource": f"arn:aws:iam::{HERE}:usr/a"}, "IAM resource path must either be"),
        ({"Resource": "arn:aws:s3:::${aws:username"}, "is not a policy variable."),
        ({"Resource": "arn:aws:s3:::${aws:x, y}"}, "is not a policy variable."),
        ({"Principal": "*"}, "Policy document should not specify a principal."),
        ({"Effect": "allow"}, "Syntax errors in policy."),
        ({"Effects": "Allow"}, "Syntax errors in policy."),
        ({"NotAction": "s3:*"}, "Syntax errors in policy."),
        ({"NotResource": "*"}, "Syntax errors in policy."),
        ({"Action": 5}, "Syntax errors in policy."),
        ({"Sid": "a b"}, "Statement IDs (SID) must be alpha-numeric."),
        ({"Sid": 1}, "Syntax errors in policy."),
        ({"Condition": []}, "Syntax errors in policy."),
        ({"Condition": {"StringSame": {"a:b": "c"}}}, "Invalid Condition type : StringSame"),
        ({"Condition": {"Some:Bool": {"a:b": "true"}}}, "Invalid Condition type : Some:Bool"),
        ({"Condition": {"NullIfExists": {"a:b": "true"}}}, "Invalid Condition type"),
        ({"Condition": {"Bool": {"b": "true"}}}, "Actions/Conditions must be prefaced"),
        ({"Condition": {"Bool": {"a:b": "yes"}}}, "Syntax errors in policy."),
        ({"Condition": {"Bool": {"a:b": []}}}, "Syntax errors in policy."),
        ({"Condition": {"Bool": {"a:b": None}}}, "Syntax errors in policy."),
        ({"Condition": {"Null": {"a:b": "maybe"}}}, "Syntax errors in policy."),
        ({"Condition": {"NumericEquals": {"a:b": "five"}}}, "Syntax errors in policy."),
        ({"Condition": {"NumericEquals": {"a:b": "1e9999"}}}, "Syntax errors in policy."),
        ({"Condition": {"DateEquals": {"a:b": "yesterday"}}}, "Syntax errors in policy."),
        ({"Condition": {"IpAddress": {"a:b": "10.0.0.0/33"}}}, "Syntax errors in policy."),
        ({"Condition": {"BinaryEquals": {"a:b": "%"}}}, "Syntax errors in policy."),
        ({"Condition": {"StringLike": {"a:b": "${a b}"}}}, "is not a policy variable."),
        ({"Effect": "Limit"}, "Syntax errors in policy."),
    ],
)
def test_what_is_wrong_with_a_statement_is_said_as_iam_says_it(
    one: dict[str, Any], message: str
) -> None:
    whole = {**statement(), **one}
    if "NotAction" in one or "NotResource" in one:
        whole = {**whole, "Action": "s3:*", "Resource": "*"}
    assert message in refusal(text(whole))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "Syntax errors in policy."),
        ("[]", "Syntax errors in policy."),
        ("{", "Syntax errors in policy."),
        ("\ud800", "Syntax errors in policy."),
        (text(statement(), Id="\ud800"), "Syntax errors in policy."),
        (b"\xff", "Syntax errors in policy."),
        ('{"Version":"2012-10-17"}', "Syntax errors in policy."),
        ('{"Version":"2012-10-17","Statement":[]}', "Syntax errors in policy."),
        ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', "is there twice"),
        (text(statement(), Name="x"), "'Name' is not an element"),
        (text(statement(), Id=5), "Syntax errors in policy."),
        (text(statement(), version="2020-01-01"), "Syntax errors in policy."),
        (text(statement(), version="2008-10-17"), "must be version 2012-10-17 or greater."),
        (text(statement(), version=None), "must be version 2012-10-17 or greater."),
        (text(statement(Sid="a"), statement(Sid="a")), "in a single policy must be unique."),
        ("[" * 20_000, "Syntax errors in policy."),
        ('{"Statement":' + "[" * 20_000, "Syntax errors in policy."),
        ('{"Statement":' + "9" * 5_000 + "}", "Syntax errors in policy."),
        ('{"Statement":NaN}', "Syntax errors in policy."),
    ],
)
def test_what_is_wrong_with_a_document_is_said_as_iam_says_it(
    source: str | bytes, message: str
) -> None:
    assert message in refusal(source)


def test_what_would_be_dear_to_everybody_is_refused() -> None:
    long = statement(Resource=["arn:aws:s3:::" + "x" * 1_000 for _ in range(30)])
    assert "longer than" in refusal(text(long))
    assert "longer than" in refusal(" " * 200_000)
    assert "wildcards" in refusal(text(statement(Resource=["arn:aws:s3:::" + "*?" * 900] * 3)))
    assert "statements" in refusal('{"Statement":[' + ",".join(["{}"] * 600) + "]}")
    assert "characters" in refusal(text(statement(Resource="arn:aws:s3:::" + "x" * 2_100)))


def test_white_space_does_not_count() -> None:
    written = text(statement())
    assert grammar.size(json.dumps(json.loads(written), indent=9)) == grammar.size(written)


@pytest.mark.parametrize(
    ("principal", "is_right"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": HERE}, True),
        ({"AWS": [f"arn:aws:iam::{HERE}:root", f"arn:aws:iam::{HERE}:user/team/ann"]}, True),
        ({"AWS": f"arn:aws:sts::{HERE}:assumed-role/r/s"}, True),
        ({"AWS": f"arn:aws:sts::{HERE}:federated-user/f"}, True),
        ({"AWS": "AIDAJQABLZS4A3QDU576Q"}, True),
        ({"Service": "ec2.amazonaws.com"}, True),
        ({"Federated": f"arn:aws:iam::{HERE}:oidc-provider/id.example/x"}, True),
        ({"Federated": "accounts.google.com"}, True),
        (
            {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
            True,
        ),
        ("ann", False),
        ({}, False),
        ({"AWS": []}, False),
        ({"AWS": "123"}, False),
        ({"AWS": f"arn:aws:iam::{HERE}:user/*"}, False),
        ({"AWS": f"arn:aws:iam::{HERE}:group/admins"}, False),
        ({"Service": "*"}, False),
        ({"Nobody": "x"}, False),
        (5, False),
    ],
)
def test_principals_are_named_whole(principal: Any, is_right: bool) -> None:
    written = text(statement(Principal=principal))
    if is_right:
        policy.parse(written, RESOURCE)
    else:
        assert refusal(written, RESOURCE)


def test_each_kind_has_its_own_grammar() -> None:
    trust = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    policy.parse(text(trust, version=None), TRUST)
    assert refusal(text({**trust, "Resource": "*"}), TRUST) == "Has prohibited field Resource."
    assert "STS AssumeRole" in refusal(text({**trust, "Action": "ec2:Run*"}), TRUST)
    assert "Principal" in refusal(text({"Effect": "Allow", "Action": "sts:AssumeRole"}), TRUST)
    for action in ("sts:AssumeRole*", "sts:*", ["sts:TagSession", "STS:assumerole"]):
        policy.parse(text({**trust, "Action": action}), TRUST)
    excepted = {"Effect": "Deny", "NotPrincipal": {"AWS": HERE}, "Action": "sts:AssumeRole"}
    assert refusal(text(excepted), TRUST) == "Has prohibited field NotPrincipal."
    policy.parse(text({**excepted, "Resource": "*"}, version="2008-10-17"), RESOURCE)
    allowed = {**excepted, "Effect": "Allow", "Resource": "*"}
    assert refusal(text(allowed), RESOURCE) == "Has prohibited field NotPrincipal."
    assert "Principal" in refusal(text(statement()), RESOURCE)
    assert "Effect" in refusal(text(_limit()), policy.Kind.BOUNDARY)
    named = statement("Deny", Principal={"AWS": HERE})
    assert "'*'" in refusal(text(named), policy.Kind.RESOURCE_CONTROL)
    policy.parse(text(statement("Deny", Principal="*")), policy.Kind.RESOURCE_CONTROL)


def test_eucalyptus_documents_with_limits_may_be_old() -> None:
    for version in ("2011-04-01", "2008-10-17", None):
        found = policy.parse(text(_limit(), version=version), IDENTITY)
        assert found.version == "2008-10-17"


def _limit() -> dict[str, Any]:
    quota = {"NumericLessThanEquals": {"ec2:quota-vminstancenumber": "3"}}
    return statement("Limit", Action="ec2:RunInstances", Condition=quota)


words = st.text("abc*?", min_size=1, max_size=6)
conditions = st.dictionaries(
    st.sampled_from(["StringEquals", "ForAnyValue:StringLikeIfExists", "ArnNotLike"]),
    st.dictionaries(st.sampled_from(["aws:a", "aws:B"]), st.lists(words, min_size=1, max_size=3)),
    max_size=2,
)
statements = st.builds(
    lambda effect, no_action, no_resource, actions, resources, tests: {
        "Effect": effect,
        "NotAction" if no_action else "Action": [f"s3:{word}" for word in actions],
        "NotResource" if no_resource else "Resource": [f"arn:aws:s3:::{w}" for w in resources],
        "Condition": tests,
    },
    st.sampled_from(["Allow", "Deny"]),
    st.booleans(),
    st.booleans(),
    st.lists(words, min_size=1, max_size=3),
    st.lists(words, min_size=1, max_size=3),
    conditions,
)


@given(st.lists(statements, min_size=1, max_size=4))
def test_a_document_written_again_is_the_same_document(written: list[dict[str, Any]]) -> None:
    found = policy.parse(text(*written), IDENTITY)
    assert policy.parse(policy.encode(found), IDENTITY) == found


def test_principals_written_again_are_the_same() -> None:
    for principal in ("*", {"AWS": [HERE, f"arn:aws:iam::{HERE}:user/a"], "Service": "s3.x.com"}):
        found = policy.parse(text(statement(Principal=principal), Id="x"), RESOURCE)
        assert policy.parse(policy.encode(found), RESOURCE) == found


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Version", "Statement", "Effect", "Action", "Resource", "Condition", "Bool"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values, st.sampled_from(list(policy.Kind)))
def test_no_json_gets_anything_but_a_document_or_its_refusal(value: Any, kind: policy.Kind) -> None:
    with contextlib.suppress(errors.MalformedPolicyDocument):
        assert parser.parse(json.dumps(value), kind).statements
