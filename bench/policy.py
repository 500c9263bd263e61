"""How many decisions about a principal with 20 statements one core makes in a second.

Three policies as people write them (wildcards, variables, conditions, a denial, a boundary), asked
for a mix of actions that are allowed early, allowed late, denied and not mentioned. Processor time
is counted, and no cloud is needed: `python -m bench.policy`.
"""

import json
import time
from collections.abc import Callable

from bench import report
from mallee.aws import policy

DECISIONS = 20_000
ACCOUNT = "123456789012"
ARN = f"arn:aws:ec2:us-east-1:{ACCOUNT}:"


def measure(runs: int) -> list[report.Finding]:
    """Decide the whole mix again and again."""
    policies, requests = _policies(), _requests()
    times = tuple(_took_us(lambda: _decide(policies, requests)) for _ in range(runs + 1))
    return [
        report.Finding(
            promise="A decision about a principal with 20 statements",
            unit="µs",
            ours=times[1:],
            bar_max=10,
        )
    ]


def _took_us(do: Callable[[], int]) -> float:
    began = time.process_time()
    done = do()
    return (time.process_time() - began) / done * 1e6


def _decide(policies: policy.Policies, requests: list[policy.Request]) -> int:
    rounds = DECISIONS // len(requests)
    for _ in range(rounds):
        for request in requests:
            policy.evaluate(request, policies)
    return rounds * len(requests)


def _requests() -> list[policy.Request]:
    who = policy.Principal(
        policy.PrincipalKind.USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", ids=("AIDAANN",)
    )
    context = policy.fold(
        {
            "aws:username": "ann",
            "aws:PrincipalTag/team": "blue",
            "aws:ResourceTag/team": "blue",
            "aws:SourceIp": "10.1.2.3",
            "aws:MultiFactorAuthPresent": True,
            "aws:RequestedRegion": "us-east-1",
            "ec2:InstanceType": "t3.micro",
        }
    )
    return [
        policy.Request(who, action, resource, ACCOUNT, context)
        for action, resource in (
            ("ec2:DescribeInstances", "*"),
            ("ec2:RunInstances", ARN + "instance/*"),
            ("ec2:RunInstances", ARN + "subnet/subnet-0123456789abcdef0"),
            ("ec2:StopInstances", ARN + "instance/i-0123456789abcdef0"),
            ("ec2:TerminateInstances", ARN + "instance/i-0123456789abcdef0"),
            ("s3:GetObject", "arn:aws:s3:::home/ann/notes.txt"),
            ("s3:PutObject", "arn:aws:s3:::logs/2026/x"),
            ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/eve"),
            ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/deploy"),
            ("kms:Decrypt", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"),
        )
    ]


def _policies() -> policy.Policies:
    """20 statements: 8 of a group, 7 of the user, 5 of his boundary."""
    identity = (_attached("group", GROUP), _attached("user", USER))
    return policy.Policies(
        identity=identity, boundary=_attached("boundary", BOUNDARY, policy.Kind.BOUNDARY)
    )


_OWN = {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}
_MFA = {"aws:MultiFactorAuthPresent": "true"}


def _allow(action: str, *resources: str, **conditions: object) -> dict[str, object]:
    return _statement("Allow", action, resources, conditions)


def _deny(action: str, *resources: str, **conditions: object) -> dict[str, object]:
    return _statement("Deny", action, resources, conditions)


def _statement(
    effect: str, action: str, resources: tuple[str, ...], conditions: dict[str, object]
) -> dict[str, object]:
    return {
        "Effect": effect,
        "Action": action,
        "Resource": list(resources) or "*",
        "Condition": conditions,
    }


def _attached(
    name: str, statements: list[dict[str, object]], kind: policy.Kind = policy.Kind.IDENTITY
) -> policy.Attached:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return policy.Attached(name, policy.compiled(text, kind))


GROUP = [
    _allow("ec2:Describe*"),
    _allow("ec2:RunInstances", ARN + "instance/*", StringLike={"ec2:InstanceType": "t3.*"}),
    _allow("ec2:RunInstances", *(ARN + f"{noun}/*" for noun in ("subnet", "volume"))),
    _allow("ec2:RunInstances", "arn:aws:ec2:*::image/*"),
    _allow("s3:ListBucket", "arn:aws:s3:::home", StringLike={"s3:prefix": "${aws:username}/*"}),
    _allow("s3:*Object", "arn:aws:s3:::home/${aws:username}/*"),
    _allow("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/deploy"),
    _deny("s3:Put*", "arn:aws:s3:::logs/*"),
]
USER = [
    _allow("ec2:St*Instances", StringEquals=_OWN),
    _allow("ec2:TerminateInstances", StringEquals=_OWN, Bool=_MFA),
    _allow("ec2:*Tags", IpAddress={"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]}),
    _allow("ec2:*SecurityGroup*"),
    _allow("cloudwatch:*"),
    _deny("*", StringNotEquals={"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}),
    _deny("iam:*", NumericGreaterThan={"aws:MultiFactorAuthAge": "3600"}),
]
BOUNDARY = [
    _allow("ec2:*"),
    _allow("s3:*"),
    _allow("sts:*"),
    _allow("iam:Get*"),
    _deny("ec2:RunInstances", ARN + "instance/*", StringLike={"ec2:InstanceType": "p*"}),
]
"""What the principal has: of his group, his own, and his boundary."""


if __name__ == "__main__":
    report.main(measure, __doc__)
