"""Short ways to write policies, principals and requests in tests."""

import json
from collections.abc import Mapping
from typing import Any

from mallee.aws import policy
from mallee.aws.policy import context

HERE = "123456789012"
THERE = "210987654321"
BUCKET = "arn:aws:s3:::box"
OBJECT = f"{BUCKET}/a/b"

ROOT = policy.Principal(policy.PrincipalKind.ROOT, HERE, f"arn:aws:iam::{HERE}:root")
USER = policy.Principal(policy.PrincipalKind.USER, HERE, f"arn:aws:iam::{HERE}:user/ann")
ROLE_ARN = f"arn:aws:iam::{HERE}:role/deploy"
SESSION = policy.Principal(
    policy.PrincipalKind.ROLE_SESSION,
    HERE,
    f"arn:aws:sts::{HERE}:assumed-role/deploy/job",
    issuer_arn=ROLE_ARN,
)
FEDERATED = policy.Principal(
    policy.PrincipalKind.FEDERATED_SESSION,
    HERE,
    f"arn:aws:sts::{HERE}:federated-user/guest",
    issuer_arn=USER.arn,
)
SERVICE = policy.Principal(policy.PrincipalKind.SERVICE, "", "ec2.amazonaws.com")
ANONYMOUS = policy.Principal(policy.PrincipalKind.ANONYMOUS, "", "")


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    """A statement about everything, but for the elements given."""
    found: dict[str, Any] = {"Effect": effect, **elements}
    if "NotAction" not in found:
        found.setdefault("Action", "*")
    if "NotResource" not in found:
        found.setdefault("Resource", "*")
    return found


def text(*statements: dict[str, Any], version: str | None = "2012-10-17", **top: Any) -> str:
    """A document as JSON."""
    written = {**top, "Statement": list(statements)}
    return json.dumps(written if version is None else {"Version": version, **written})


def attached(
    *statements: dict[str, Any],
    kind: policy.Kind = policy.Kind.IDENTITY,
    name: str = "p",
    version: str = "2012-10-17",
) -> policy.Attached:
    """A policy under a name."""
    return policy.Attached(name, policy.compiled(text(*statements, version=version), kind))


def request(
    principal: policy.Principal = USER,
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    account: str = HERE,
    found: Mapping[str, context.Value | None] | None = None,
) -> policy.Request:
    """A request for an object in a bucket, but for the arguments given."""
    return policy.Request(principal, action, resource, account, policy.fold(found or {}))


def allows(one: dict[str, Any], asked: policy.Request, version: str = "2012-10-17") -> bool:
    """Whether an identity policy of this one statement allows it."""
    policies = policy.Policies(identity=(attached(one, version=version),))
    return policy.evaluate(asked, policies).is_allowed
