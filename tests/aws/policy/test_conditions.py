"""The laws of conditions, operator by operator."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.aws import policy
from mallee.aws.policy import conditions, operators
from tests.aws.policy.making import allows, attached, request, statement

OTHER = "aws:x"


def holds(
    operator: str, wanted: Any, found: Any = None, effect: str = "Allow", **more: Any
) -> bool:
    """Whether a statement with one condition matches a request with that value of the key."""
    asked = request(found={OTHER: found, **more})
    one = statement(effect, Condition={operator: {OTHER: wanted}})
    if effect == "Allow":
        return allows(one, asked)
    test = conditions.compile_condition(
        conditions.Condition(operator, OTHER, tuple(wanted)), has_variables=True, denies=True
    )
    return test(asked.context)


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "expected"),
    [
        ("StringEquals", "Ann", "Ann", True),
        ("StringEquals", "Ann", "ann", False),
        ("StringEquals", "A*", "Ann", False),
        ("StringEquals", ["x", "Ann"], "Ann", True),
        ("stringequals", "Ann", "Ann", True),
        ("StringNotEquals", ["x", "Ann"], "Ann", False),
        ("StringNotEquals", ["x", "y"], "Ann", True),
        ("StringEqualsIgnoreCase", "ANN", "ann", True),
        ("StringNotEqualsIgnoreCase", "ANN", "ann", False),
        ("StringLike", "a?n*", "annabel", True),
        ("StringLike", "A*", "ann", False),
        ("StringNotLike", ["b*", "a*"], "ann", False),
        ("NumericEquals", "5", "5.0", True),
        ("NumericEquals", "5", "five", False),
        ("NumericNotEquals", "5", "6", True),
        ("NumericLessThan", "5", "5", False),
        ("NumericLessThanEquals", "5", "5", True),
        ("NumericGreaterThan", "-1", "0", True),
        ("NumericGreaterThanEquals", "1e3", "999", False),
        ("DateEquals", "2024-01-01T00:00:00Z", "2024-01-01T02:00:00+02:00", True),
        ("DateEquals", "1704067200", "2024-01-01T00:00:00Z", True),
        ("DateEquals", "2024", "2024-01-01", True),
        ("DateEquals", "2024-02", "2024-02-01T00:00Z", True),
        ("DateNotEquals", "2024-01-01", "2024-01-02", True),
        ("DateLessThan", "2024-01-01", "2023-12-31T23:59:59Z", True),
        ("DateLessThanEquals", "2024-01-01", "2024-01-01", True),
        ("DateGreaterThan", "2024-01-01", "2024-01-01", False),
        ("DateGreaterThanEquals", "2024-01-01", "tomorrow", False),
        ("Bool", "true", "TRUE", True),
        ("Bool", "false", "true", False),
        ("Bool", ["true", "false"], "true", True),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
        ("BinaryEquals", "QmluYXJ5", "Qmlu", False),
        ("IpAddress", "10.0.0.0/8", "10.9.8.7", True),
        ("IpAddress", "10.0.0.1", "10.0.0.1", True),
        ("IpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:db8::5", True),
        ("IpAddress", "::/0", "10.0.0.1", False),
        ("IpAddress", "0.0.0.0/0", "here", False),
        ("NotIpAddress", "10.0.0.0/8", "10.9.8.7", False),
        ("NotIpAddress", "10.0.0.0/8", "11.9.8.7", True),
        ("ArnEquals", "arn:aws:s3:::b*", "arn:aws:s3:::box", True),
        ("ArnLike", "arn:aws:sns:*:*:t", "arn:aws:sns:us-east-1:1:t", True),
        ("ArnLike", "arn:aws:s3*", "arn:aws:s3:::box", False),
        ("ArnLike", "*", "arn:aws:s3:::box", True),
        ("ArnLike", "*", "box", False),
        ("ArnNotEquals", "arn:aws:s3:::box", "arn:aws:s3:::box", False),
        ("ArnNotLike", "arn:aws:s3:::c*", "arn:aws:s3:::box", True),
    ],
)
def test_an_operator_compares_as_aws_says(
    operator: str, wanted: Any, found: str, expected: bool
) -> None:
    assert holds(operator, wanted, found) is expected


NEGATED = sorted(name for name, row in operators.OPERATORS.items() if row.is_negated)
PLAIN = sorted(set(operators.OPERATORS) - set(NEGATED))
SAMPLE = {
    "S": "v",
    "N": "1",
    "D": "2024-01-01",
    "B": "true",
    "I": "10.0.0.0/8",
    "A": "arn:aws:s3:::b",
}


def sample(operator: str) -> str:
    name = operator.replace("NotIp", "Ip").replace("BinaryEquals", "String")
    return SAMPLE[name[0]] if operator != "BinaryEquals" else "QQ=="


def test_every_operator_of_aws_is_there() -> None:
    assert len(operators.OPERATORS) == 26
    assert set(NEGATED) == {
        *("StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals"),
        *("DateNotEquals", "NotIpAddress", "ArnNotEquals", "ArnNotLike"),
    }


@pytest.mark.parametrize("operator", PLAIN)
def test_a_missing_key_fails_a_test(operator: str) -> None:
    value = sample(operator)
    assert not holds(operator, value)
    assert holds(operator + "IfExists", value)
    assert not holds("ForAnyValue:" + operator, value)
    assert holds("ForAllValues:" + operator, value)
    assert holds("ForAnyValue:" + operator + "IfExists", value)


@pytest.mark.parametrize("operator", NEGATED)
def test_a_missing_key_passes_a_negated_test(operator: str) -> None:
    value = sample(operator)
    assert holds(operator, value)
    assert holds(operator + "IfExists", value)
    assert not holds("ForAnyValue:" + operator, value)
    assert holds("ForAllValues:" + operator, value)


@pytest.mark.parametrize("operator", [*PLAIN, *NEGATED])
def test_if_exists_changes_nothing_when_the_key_is_there(operator: str) -> None:
    value = sample(operator)
    for found in (value.removesuffix("/8"), "other", "2", "11.0.0.1"):
        assert holds(operator + "IfExists", value, found) is holds(operator, value, found)


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [("true", None, True), ("true", "v", False), ("false", "v", True), ("false", None, False)],
)
def test_null_asks_whether_the_key_is_missing(
    wanted: str, found: str | None, expected: bool
) -> None:
    assert holds("Null", wanted, found) is expected
    assert holds("Null", wanted, [] if found is None else [found]) is expected


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ["a"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", ["a", "b"], [], True),
        ("ForAllValues:StringEquals", ["a"], [""], True),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "a"], False),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "d"], True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "a"], True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c"], False),
        ("ForAnyValue:StringEquals", [""], [""], False),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "c"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "b"], False),
        ("foranyvalue:StringLike", ["a*"], "abc", True),
    ],
)
def test_several_values_are_compared_one_by_one(
    operator: str, wanted: list[str], found: Any, expected: bool
) -> None:
    assert holds(operator, wanted, found) is expected


@pytest.mark.parametrize("operator", ["StringEquals", "StringNotEquals"])
def test_several_values_without_a_quantifier_never_widen_access(operator: str) -> None:
    assert not holds(operator, ["a"], ["a", "b"])
    assert holds(operator, ["a"], ["a", "b"], effect="Deny")


def test_keys_are_compared_without_case() -> None:
    one = statement(Condition={"StringEquals": {"AWS:PrincipalTag/Team": "x"}})
    assert allows(one, request(found={"aws:principaltag/TEAM": "x"}))


def test_all_conditions_of_a_statement_must_pass() -> None:
    one = statement(Condition={"StringEquals": {"a:b": "1", "a:c": "2"}, "Bool": {"a:d": "true"}})
    whole = {"a:b": "1", "a:c": "2", "a:d": True}
    assert allows(one, request(found=whole))
    for key in whole:
        assert not allows(one, request(found={**whole, key: "no"}))


@pytest.mark.parametrize(
    ("written", "found", "expected"),
    [
        ("${aws:username}", {"aws:username": "ann"}, True),
        ("${AWS:UserName}", {"aws:username": "ann"}, True),
        ("${ aws:username }", {"aws:username": "ann"}, True),
        ("${aws:username, 'ann'}", {}, True),
        ("${aws:username, 'ann'}", {"aws:username": "bob"}, False),
        ("${aws:username}", {}, False),
        ("${aws:username}", {"aws:username": ["ann"]}, False),
        ("${aws:username, 'ann'}", {"aws:username": ["bob", "eve"]}, True),
        ("a${aws:n}n", {"aws:n": "n"}, True),
        ("a${aws:n}", {"aws:n": "*"}, False),
    ],
)
def test_variables_stand_for_the_requests_values(
    written: str, found: dict[str, Any], expected: bool
) -> None:
    resource = statement(Resource=f"arn:aws:s3:::{written}")
    assert allows(resource, request(resource="arn:aws:s3:::ann", found=found)) is expected
    like = statement(Condition={"StringLike": {OTHER: written}})
    assert allows(like, request(found={OTHER: "ann", **found})) is expected


@pytest.mark.parametrize(("written", "meant"), [("${*}", "*"), ("${?}", "?"), ("${$}", "$")])
def test_an_escaped_character_is_itself(written: str, meant: str) -> None:
    one = statement(Resource=f"arn:aws:s3:::x{written}")
    assert allows(one, request(resource=f"arn:aws:s3:::x{meant}"))
    assert not allows(one, request(resource="arn:aws:s3:::xy"))


def test_variables_are_compared_without_case_where_the_operator_is() -> None:
    found = {"aws:username": "Ann"}
    assert holds("StringEqualsIgnoreCase", "X${aws:username}", "xaNN", **found)
    assert not holds("StringNotEqualsIgnoreCase", "X${aws:username}", "xaNN", **found)


def test_a_moment_without_zone_is_universal_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    operators.parse_moment.cache_clear()
    try:
        assert holds("DateEquals", "2024-01-01T09:00:00", "2024-01-01T09:00:00Z")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_in_old_documents_a_variable_is_plain_text() -> None:
    like = {"StringEquals": {OTHER: "${aws:username}"}}
    conditional = statement("Deny", Principal="*", Condition=like)
    for value, verdict in (
        ("ann", policy.Verdict.IMPLICITLY_DENIED),
        ("${aws:username}", policy.Verdict.EXPLICITLY_DENIED),
    ):
        old = attached(conditional, kind=policy.Kind.RESOURCE, version="2008-10-17")
        asked = request(found={OTHER: value, "aws:username": "ann"})
        assert policy.evaluate(asked, policy.Policies(resource=old)).verdict is verdict
    one = statement("Deny", Action="s3:*", Principal="*", Resource="arn:aws:s3:::${aws:username}")
    old = attached(one, kind=policy.Kind.RESOURCE, version="2008-10-17")
    for resource, verdict in (
        ("arn:aws:s3:::ann", policy.Verdict.IMPLICITLY_DENIED),
        ("arn:aws:s3:::${aws:username}", policy.Verdict.EXPLICITLY_DENIED),
    ):
        asked = request(resource=resource, found={"aws:username": "ann"})
        assert policy.evaluate(asked, policy.Policies(resource=old)).verdict is verdict


def test_a_variable_without_value_fits_nothing() -> None:
    assert not holds("StringEquals", "${aws:none}", "x")
    assert holds("StringNotEquals", "${aws:none}", "x")
    assert holds("StringNotLike", "${aws:none}", "x")
    assert allows(statement(NotResource="arn:aws:s3:::${aws:none}"), request())


texts = st.text("ab*?", max_size=4)
PAIRS = [
    ("StringEquals", "StringNotEquals"),
    ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    ("StringLike", "StringNotLike"),
]


@given(st.sampled_from(PAIRS), st.lists(texts, min_size=1, max_size=3), texts)
def test_a_negated_operator_is_the_complement(
    pair: tuple[str, str], wanted: list[str], found: str
) -> None:
    assert holds(pair[0], wanted, found) is not holds(pair[1], wanted, found)


@given(st.sampled_from([*PLAIN, *NEGATED]), st.sampled_from(["", "IfExists"]), st.text(max_size=12))
def test_no_value_of_a_request_breaks_an_operator(operator: str, suffix: str, found: str) -> None:
    assert holds(operator + suffix, sample(operator), found) in (True, False)
