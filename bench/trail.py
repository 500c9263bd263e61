"""What the trail costs a call: describing it, chaining its line, and handing lines to the kernel.

A user's DescribeInstances that one statement allowed, as the pipeline tells it. Beside it: proving
lines, as `mallee audit verify` does. Processor time is counted, and no cloud is needed:
`python -m bench.trail`.
"""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import report
from mallee.aws import policy
from mallee.cloud.call import Principal
from mallee.cloud.identity import authorize
from mallee.cloud.trail import events, journal
from mallee.kit.chain import verify
from mallee.model.configuration.settings import Settings

CALLS = 5000
ACCOUNT = "123456789012"
KEY = bytes(32)


def measure(runs: int) -> list[report.Finding]:
    """Tell the same call again and again, then prove all of it."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        costs = asyncio.run(_tell(directory, runs))
        proofs = tuple(_prove_us(directory) for _ in range(runs))
    return [
        report.Finding(promise="A call's line in the trail", unit="µs", ours=costs, bar_max=20),
        report.Finding(promise="Proving a line of the trail", unit="µs", ours=proofs, bar_max=20),
    ]


async def _tell(directory: Path, runs: int) -> tuple[float, ...]:
    told = _told()
    costs: list[float] = []
    with journal.Journal(directory, KEY, Settings()) as trail:
        for _ in range(runs + 1):
            began = time.process_time()
            for _ in range(CALLS):
                trail.add(events.describe(told), at_once=False)
            # Gathered lines are written meanwhile.
            await asyncio.sleep(2 * journal.DELAY_S)
            costs.append((time.process_time() - began) / CALLS * 1e6)
    return tuple(costs[1:])


def _prove_us(directory: Path) -> float:
    began = time.process_time()
    found = verify.verify(directory, KEY)
    assert found.is_whole, found.faults
    return (time.process_time() - began) / found.lines * 1e6


def _told() -> events.Told:
    decided = policy.Deciding(policy.Kind.IDENTITY, "looking", "Look", 3)
    decision = policy.Decision(policy.Verdict.ALLOWED, decided)
    who = Principal(
        account=ACCOUNT,
        user_id="AIDAAAAAAAAAAAAAAAAAA",
        user_name="ann",
        arn=f"arn:aws:iam::{ACCOUNT}:user/ann",
        access_key_id="AKIAAAAAAAAAAAAAAAAA",
        is_cloud_admin=False,
    )
    return events.Told(
        at=datetime.now(UTC),
        request_id="00000000-0000-4000-8000-000000000000",
        peer="192.0.2.1",
        agent="Boto3/1.40 md/Botocore#1.40 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11",
        service="ec2",
        action="DescribeInstances",
        principal=who,
        outcome=authorize.Outcome((authorize.Judged("ec2:DescribeInstances", "*", decision),)),
        asked={"InstanceIds": ["i-0123456789abcdef0"]},
        about="",
        made="",
        status=200,
        error="",
        message="",
        ms=0.21,
    )


if __name__ == "__main__":
    report.main(measure, __doc__)
