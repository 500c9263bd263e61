"""`mallee trace` between real guests: the probe comes to the guest, and the guest answers."""

import json
from typing import Any

import pytest

from mallee.cli import main
from tests.machines.guests import Pair
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine


@pytest.fixture
def trace(cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ask with a probe; return the exit status and what was told."""
    monkeypatch.setenv("MALLEE_ROOT", str(cloud.layout.root))

    def ask(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        status = 0
        try:
            status = main.run(["trace", *words, "--probe", "--json"])
        except SystemExit as end:
            status = int(end.code or 0)
        return status, json.loads(capsys.readouterr().out)

    return ask


def test_a_real_guest_answers_a_probe_and_a_group_stops_one(
    cloud: Cloud, pair: Pair, trace: Any
) -> None:
    one, other = pair.one, pair.other
    for guest in (one, other):
        cloud.ssh(guest.id, "true")
    status, told = trace(one.id, other.id, "--port", "22")
    for _ in range(4):
        # On a busy machine an answer may be late.
        if not told["Host"]["Probe"]["IsAnswered"]:
            status, told = trace(one.id, other.id, "--port", "22")
    sent = told["Host"]["Probe"]
    assert (status, told["Passes"], sent["End"], sent["At"]) == (
        0, True, "arrived", other.interface_id
    )  # fmt: skip
    assert sent["Answer"].startswith("accepted"), sent
    judged = {step.get("ResourceId") for step in sent["Steps"]}
    assert {one.interface_id, other.interface_id, one.group_id, other.group_id} <= judged
    counted = [step for step in told["Host"]["Steps"] if step.get("Packets")]
    assert {one.interface_id, other.interface_id} <= {step["ResourceId"] for step in counted}
    status, told = trace(one.id, other.id, "--port", "7000")
    sent = told["Host"]["Probe"]
    assert (status, told["End"], sent["End"], sent["At"]) == (
        1, "ingress", "dropped", other.interface_id
    )  # fmt: skip
    assert sent["Cure"] == told["Cure"] == "AuthorizeSecurityGroupIngress"
    assert cloud.state(one.id) == cloud.state(other.id) == "running"
