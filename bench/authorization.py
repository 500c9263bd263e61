"""What it costs to ask whether somebody may: DescribeInstances of one instance, whole requests.

The same requests in turns: as the account's administrator, of whom nothing is asked, and as a user
with 20 statements in three policies (`policy`), one of them a condition on his region. Processor
time of the cloud process, per second of which requests are counted.
"""

# boto3 makes its clients' methods as it runs: they have no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3

from bench import asking, describe, policy, processes, report, sealed

REQUESTS = 3_000
NAME = "ann"


def measure(runs: int) -> list[report.Finding]:
    """Measure both callers in turns, after one turn to warm up."""
    with (
        tempfile.TemporaryDirectory(prefix="m-") as folder,
        describe.running(Path(folder), 1) as (pid, administrator),
    ):
        user = _make_user(administrator)
        times = [(_took_us(pid, user), _took_us(pid, administrator)) for _ in range(runs + 1)]
        user.close()
    return [
        report.Finding(
            promise="DescribeInstances of one instance by a user with 20 statements",
            unit="µs",
            ours=tuple(ours for ours, _ in times[1:]),
            theirs=tuple(theirs for _, theirs in times[1:]),
            bar_ratio_max=1.15,
        )
    ]


def _took_us(pid: int, client: asking.Client) -> float:
    """Processor time of the server per request, in microseconds."""
    before = processes.cpu_s(pid)
    for _ in range(REQUESTS):
        body = client.ask("DescribeInstances")
        assert b"<instanceId>i-" in body, body[:500]
    return (processes.cpu_s(pid) - before) / REQUESTS * 1e6


def _make_user(administrator: asking.Client) -> asking.Client:
    iam: Any = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{administrator.port}",
        aws_access_key_id=administrator.access_key_id,
        aws_secret_access_key=administrator.secret_access_key,
    )
    bound = iam.create_policy(PolicyName="bound", PolicyDocument=_text(policy.BOUNDARY))
    iam.create_user(UserName=NAME, PermissionsBoundary=bound["Policy"]["Arn"])
    iam.create_group(GroupName="group")
    iam.put_group_policy(GroupName="group", PolicyName="group", PolicyDocument=_text(policy.GROUP))
    iam.put_user_policy(UserName=NAME, PolicyName="own", PolicyDocument=_text(policy.USER))
    iam.add_user_to_group(GroupName="group", UserName=NAME)
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    return asking.Client(administrator.port, key["AccessKeyId"], key["SecretAccessKey"])


def _text(statements: Sequence[dict[str, object]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
