"""SendDiagnosticInterrupt reaches the host of a running instance of one's own, and no other."""

from typing import Any

from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.world import FakeHost, Front


def test_the_host_is_asked_for_it(front: Front, alice: Any, bob: Any, host: FakeHost) -> None:
    made = launch_one(alice)["InstanceId"]
    assert refusal(alice.send_diagnostic_interrupt, InstanceId=made) == "IncorrectInstanceState"
    host.settle()
    answering = front.answer_next_ask(host.id, b"")
    alice.send_diagnostic_interrupt(InstanceId=made)
    asked = answering.result(60)
    assert (asked.kind, asked.instance_id) == ("interrupt", made)
    assert refusal(bob.send_diagnostic_interrupt, InstanceId=made) == "InvalidInstanceID.NotFound"
    assert refusal(alice.send_diagnostic_interrupt, InstanceId=made, DryRun=True) == (
        "DryRunOperation"
    )
