"""Mallee's decisions beside those of an independent evaluator, for thousands of random questions.

The evaluator is `@cloud-copilot/iam-simulate`, run by Node.js in a process of its own and installed
by `./test` beside the virtual environment; without it these tests are skipped. It differs from
AWS's documentation in places. There we follow AWS, so what is not asked here has laws in the other
files: the root of an account, NotPrincipal, session policies against allowances for the session
itself, variables without value in negated tests, dates in seconds, empty texts as values,
ForAnyValue with IfExists on a missing key, unquantified tests of several values in denials,
NotResource of ARNs that are cut short.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mallee.aws import policy
from mallee.aws.policy import Kind
from tests.aws.policy.making import HERE, ROLE_ARN, SESSION, THERE, USER, request, statement, text

INSTALLED = Path(__file__).parents[3] / ".venv/oracle"
DRIVER = Path(__file__).parent / "oracle/drive.mjs"
EXAMPLES = int(os.environ.get("MALLEE_ORACLE_EXAMPLES", "100"))
"""How many questions; a run by hand may ask thousands."""
VERDICTS = {
    "Allowed": policy.Verdict.ALLOWED,
    "ExplicitlyDenied": policy.Verdict.EXPLICITLY_DENIED,
    "ImplicitlyDenied": policy.Verdict.IMPLICITLY_DENIED,
}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Any], policy.Verdict]]:
    """What the other evaluator says to a simulation."""
    node = shutil.which("node") or shutil.which("nodejs")
    if node is None or not (INSTALLED / "node_modules/@cloud-copilot/iam-simulate").exists():
        pytest.skip("needs Node.js and the evaluator that ./test installs under .venv/oracle")
    log = tmp_path_factory.mktemp("oracle") / "stderr"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [node, DRIVER],
            cwd=INSTALLED,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        yield lambda simulation: _asked(process, simulation, log)
        process.stdin.close()


def _asked(process: subprocess.Popen[str], simulation: Any, log: Path) -> policy.Verdict:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(simulation) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    assert line, log.read_text()
    answer = json.loads(line)
    assert not answer.get("errors"), answer
    assert not answer["ignored"], answer
    return VERDICTS[answer["result"]]


@dataclass(frozen=True)
class Question:
    """One question, as both are asked it: statements by the kind of policy."""

    asked: policy.Request
    found: dict[str, Any]
    identity: list[list[dict[str, Any]]]
    boundary: list[dict[str, Any]] | None
    session: list[dict[str, Any]] | None
    resource: list[dict[str, Any]] | None
    levels: list[list[dict[str, Any]]]


def theirs(question: Question) -> dict[str, Any]:
    """The question as the other evaluator takes it."""
    document: Callable[[Any], Any] = lambda statements: json.loads(text(*statements))  # noqa: E731
    asked = question.asked
    simulation: dict[str, Any] = {
        "request": {
            "principal": asked.principal.arn,
            "action": asked.action,
            "resource": {"resource": asked.resource, "accountId": asked.resource_account},
            "contextVariables": question.found,
        },
        "identityPolicies": [
            {"name": f"p{number}", "policy": document(one)}
            for number, one in enumerate(question.identity)
        ],
        "serviceControlPolicies": [
            {"orgIdentifier": f"l{number}", "policies": [{"name": "s", "policy": document(one)}]}
            for number, one in enumerate(question.levels)
        ],
        "resourceControlPolicies": [],
    }
    if question.boundary is not None:
        simulation["permissionBoundaryPolicies"] = [
            {"name": "b", "policy": document(question.boundary)}
        ]
    if question.session is not None:
        simulation["sessionPolicy"] = document(question.session)
    if question.resource is not None:
        simulation["resourcePolicy"] = document(question.resource)
    return simulation


def ours(question: Question) -> policy.Verdict:
    """What Mallee decides."""

    def attached(statements: list[dict[str, Any]], kind: Kind) -> policy.Attached:
        return policy.Attached("p", policy.compiled(text(*statements), kind))

    policies = policy.Policies(
        identity=tuple(attached(one, Kind.IDENTITY) for one in question.identity),
        boundary=None if question.boundary is None else attached(question.boundary, Kind.BOUNDARY),
        session=None if question.session is None else (attached(question.session, Kind.SESSION),),
        resource=None if question.resource is None else attached(question.resource, Kind.RESOURCE),
        service_control=tuple((attached(one, Kind.SERVICE_CONTROL),) for one in question.levels),
    )
    return policy.evaluate(question.asked, policies).verdict


TEXTS = ["red", "Red", "re*", "r?d", "blue", "b${*}", "${aws:username}", "${aws:none, 'red'}", "*"]
ADDRESSES = ["10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "192.168.0.0/16"]
DAYS = ["2024-01-01T00:00:00Z", "2024-06-30T12:00:00Z", "2025-01-01T00:00:00Z"]
NUMBERS = ["0", "5", "5.0", "300", "-1"]
ARNS = ["arn:aws:s3:::b", "arn:aws:s3:::b*", "arn:aws:sns:*:*:t?", "arn:aws:s*:::b"]
KEYS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "aws:PrincipalTag/team": (
        (
            *("StringEquals", "StringNotEquals", "StringLike", "StringNotLike"),
            *("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
        ),
        TEXTS,
    ),
    "aws:SourceIp": (("IpAddress", "NotIpAddress"), ADDRESSES),
    "aws:CurrentTime": (
        tuple(
            f"Date{how}"
            for how in (
                *("Equals", "NotEquals", "LessThan", "LessThanEquals"),
                *("GreaterThan", "GreaterThanEquals"),
            )
        ),
        DAYS,
    ),
    "aws:MultiFactorAuthAge": (
        tuple(
            f"Numeric{how}"
            for how in (
                *("Equals", "NotEquals", "LessThan", "LessThanEquals"),
                *("GreaterThan", "GreaterThanEquals"),
            )
        ),
        NUMBERS,
    ),
    "aws:SecureTransport": (("Bool",), ["true", "false"]),
    "aws:SourceArn": (("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"), ARNS),
}
SEVERAL = "aws:PrincipalOrgPaths"


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """A Condition element."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(draw(st.integers(0, 2))):
        key = draw(st.sampled_from([*KEYS, SEVERAL]))
        if key == SEVERAL:
            quantifier = draw(st.sampled_from(["ForAllValues:", "ForAnyValue:"]))
            operators, values = KEYS["aws:PrincipalTag/team"]
            operator = quantifier + draw(st.sampled_from(operators))
        else:
            operators, values = KEYS[key]
            operator = draw(st.sampled_from([*operators, "Null"]))
            if operator == "Null":
                values = ["true", "false"]
            else:
                operator += draw(st.sampled_from(["", "", "IfExists"]))
        wanted = draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True))
        found.setdefault(operator, {})[key] = wanted
    return found


ACTIONS = ["s3:GetObject", "s3:*", "s3:Get*", "S3:getobject", "*", "ec2:*", "s3:?utObject"]
RESOURCES = [
    *("*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a", "arn:aws:s3:::*/a", "arn:aws:s3:::?/a*"),
    *("arn:aws:s3:::b/${aws:username}", "arn:aws:s*", "arn:aws:s3:::b/*:x", "arn:*:s3:::b/?"),
    *("arn:aws:ec2:*:*:*", "arn:aws:s3:*b/a", "arn:aws:s3:::b/${aws:none}"),
]


@st.composite
def statements(draw: st.DrawFn, principals: list[Any] | None = None) -> list[dict[str, Any]]:
    """The statements of a policy."""
    found: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        effect = draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]))
        name = draw(st.sampled_from(["Action", "Action", "Action", "NotAction"]))
        where = draw(st.sampled_from(["Resource", "Resource", "NotResource"]))
        # In NotResource these two are among the differences.
        named = RESOURCES if where == "Resource" else RESOURCES[:-2]
        one = statement(
            effect,
            **{
                name: draw(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2)),
                where: draw(st.lists(st.sampled_from(named), min_size=1, max_size=2)),
                "Condition": draw(conditions()),
            },
        )
        if principals is not None:
            one["Principal"] = draw(st.sampled_from(principals))
        found.append(one)
    return found


PRINCIPALS: list[Any] = [
    "*",
    {"AWS": HERE},
    {"AWS": f"arn:aws:iam::{HERE}:root"},
    {"AWS": USER.arn},
    {"AWS": [ROLE_ARN, THERE]},
    {"Service": "ec2.amazonaws.com"},
]
FOUND = st.fixed_dictionaries(
    {"aws:username": st.sampled_from(["a", "red", "*"])},
    optional={
        "aws:PrincipalTag/team": st.sampled_from(["red", "Red", "blue", "b*", "rid"]),
        "aws:SourceIp": st.sampled_from(["10.1.2.3", "11.0.0.1", "2001:db8::1"]),
        "aws:CurrentTime": st.sampled_from([*DAYS, "2024-06-30T14:00:00+02:00"]),
        "aws:MultiFactorAuthAge": st.sampled_from(["0", "5", "6", "301"]),
        "aws:SecureTransport": st.sampled_from(["true", "false"]),
        "aws:SourceArn": st.sampled_from(
            ["arn:aws:s3:::b", "arn:aws:s3:::bc/d", "arn:aws:sns:us-east-1:1:t1"]
        ),
        SEVERAL: st.lists(st.sampled_from(["red", "blue", "rid"]), max_size=2),
    },
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """A request with all that has a say."""
    found = draw(FOUND)
    who = draw(st.sampled_from([USER, SESSION]))
    account = draw(st.sampled_from([HERE, HERE, THERE]))
    action = draw(st.sampled_from(["s3:GetObject", "s3:PutObject"]))
    where = draw(st.sampled_from(["arn:aws:s3:::b/a", "arn:aws:s3:::b/a:x", "arn:aws:s3:::bb/red"]))
    session = draw(st.none() | statements()) if who is SESSION else None
    return Question(
        asked=request(who, action, where, account, found),
        found=found,
        identity=draw(st.lists(statements(), max_size=2)),
        boundary=draw(st.none() | statements()),
        session=session,
        resource=draw(st.none() | statements(PRINCIPALS)) if session is None else None,
        levels=draw(st.lists(statements(), max_size=2)),
    )


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(question=questions())
def test_both_decide_alike(ask: Callable[[Any], policy.Verdict], question: Question) -> None:
    assert ours(question) is ask(theirs(question))
