"""What `mallee up` says of a cloud that does not come."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mallee.box import client, nodejoin, owners, status, steps, up
from mallee.images import tiny
from mallee.kit import files
from mallee.model.configuration.settings import Settings
from mallee.model.layout import Layout
from mallee.node import kvmproof


def test_a_cloud_that_does_not_answer_says_why_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    for folder in (layout.run, layout.log):
        folder.mkdir()
    owners.ensure_settings(layout, Settings())
    monkeypatch.setattr(up, "CLOUD_READY_S_MAX", 0.2)
    answer = next(step for step in up.start_steps(layout) if "answer" in step.name)

    def ends(*_: object) -> bool:
        (layout.log / "cloud.err").write_text("Traceback\n  File\nBroken: quite\n\tIs it on?\n")
        daemons = {"cloud": {"last_end": "ended with status 1"}}
        status.report_file(layout).write_text(json.dumps({"daemons": daemons}))
        return False

    monkeypatch.setattr(up, "_answers", ends)
    with pytest.raises(steps.Failed) as failed:
        answer.do(lambda line: None)
    assert "its supervisor says: ended with status 1" in failed.value.cause
    assert failed.value.cause.endswith("it last said: Broken: quite Is it on?")


@pytest.mark.parametrize(("daemon", "step"), [("cloud", "answer"), ("node", "the host")])
def test_a_daemon_that_ends_again_and_again_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, daemon: str, step: str
) -> None:
    layout = Layout(tmp_path)
    for folder in (layout.run, layout.log):
        folder.mkdir()
    owners.ensure_settings(layout, Settings())
    (layout.log / f"{daemon}.err").write_text("Broken: quite\n")
    starts = iter(range(100))

    def ends(*_: object) -> None:
        about = {"last_end": "ended with status 1", "starts": next(starts)}
        status.report_file(layout).write_text(json.dumps({"daemons": {daemon: about}}))

    def no_hosts(*_: object) -> dict[str, list[object]]:
        return {"Hosts": []}

    ends()
    monkeypatch.setattr(up, "_answers", ends)
    monkeypatch.setattr(up, "_ready_host", ends)
    monkeypatch.setattr(client, "read_access", ends)
    monkeypatch.setattr(client, "call", no_hosts)
    waited = next(one for one in up.start_steps(layout) if step in one.name and "Wait" in one.name)
    with pytest.raises(steps.Failed) as failed:
        waited.do(lambda line: None)
    assert failed.value.cause.startswith(f"{daemon} ends whenever it is started")
    assert "it last said: Broken: quite" in failed.value.cause
    assert next(starts) <= up.STARTS_MAX + 2


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1", "https://127.0.0.1:8774"),
        ("0.0.0.0", "https://127.0.0.1:8774"),
        ("192.0.2.10", "https://192.0.2.10:8774"),
    ],
)
def test_the_machines_own_agent_is_told_where_its_cloud_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listen: str, url: str
) -> None:
    layout = Layout(tmp_path)
    layout.join_token.parent.mkdir(parents=True)
    owners.ensure_settings(layout, Settings(listen=listen))

    def access(_layout: Layout, held: Settings) -> client.Access:
        endpoint = f"http://{held.listen}:8773"
        return client.Access(
            endpoint=endpoint,
            region="",
            account_id="",
            access_key_id="",
            secret_access_key="",
        )

    def call(*_: object) -> dict[str, Any]:
        return {"Port": 8774, "Token": "t", "CaCertificate": "c"}

    monkeypatch.setattr(client, "read_access", access)
    monkeypatch.setattr(client, "call", call)
    join = next(step for step in up.start_steps(layout) if "Join" in step.name)
    assert join.do(lambda line: None) == "the agent has its token"
    assert json.loads(layout.join_token.read_text())["url"] == url


def do_guest(layout: Layout) -> str:
    return up.guest_step(layout).do(lambda _: None)


def test_a_guest_is_made_where_kvm_is_not_proved_for_want_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    built: list[Layout] = []

    def build(at: Layout, _: object) -> None:
        built.append(at)

    monkeypatch.setattr(tiny, "build", build)
    device = layout.root / "kvm"
    monkeypatch.setattr(kvmproof, "DEVICE", device)
    assert do_guest(layout) == "none is wanted"
    device.touch()
    assert do_guest(layout) == "made"
    subject = kvmproof.fetch_subject()
    layout.node.mkdir(parents=True, exist_ok=True)
    proved = kvmproof.Verdict("tcg", "It hung.", subject)
    layout.kvm_verdict.write_bytes(kvmproof.encode(proved))
    assert do_guest(layout) == "none is wanted"
    assert built == [layout]


def test_a_guest_that_cannot_be_made_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)

    def fail(*_: object) -> None:
        raise tiny.CannotBuild("the tiny guest: no network")

    monkeypatch.setattr(tiny, "build", fail)
    monkeypatch.setattr(kvmproof, "DEVICE", layout.root)
    said = do_guest(layout)
    assert said == "none: the tiny guest: no network; when that is put right: mallee kvm prove"


def test_who_joins_has_one_before_the_proof(tmp_path: Path) -> None:
    names = [step.name for step in nodejoin.start_plan(Layout(tmp_path))]
    assert names.index("Have a guest to prove KVM by") < names.index("Prove KVM")


@pytest.mark.parametrize(
    ("shown", "is_ready"),
    [
        ({"State": "ENABLED", "SecondsSinceHeard": 0.4}, True),
        ({"State": "BROKEN", "SecondsSinceHeard": 0.4}, True),
        ({"State": "ENABLED", "SecondsSinceHeard": 900.0}, False),
        ({"State": "ENABLED"}, False),
        # The cloud began to wait after the agent began, and has waited in vain.
        ({"State": "NOTREADY", "SecondsSinceHeard": 16.4}, False),
    ],
)
def test_a_host_is_waited_for_until_its_agent_as_it_runs_now_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: dict[str, Any], is_ready: bool
) -> None:
    layout = Layout(tmp_path)
    for folder in (layout.run, layout.log, layout.node_pki):
        folder.mkdir(parents=True)
    owners.ensure_settings(layout, Settings())
    joined = {"url": "https://127.0.0.1:8774", "host_id": "host-1"}
    files.write_json(layout.node_pki / "membership.json", joined)
    host = {"HostId": "host-1", "Name": "one", "Hypervisor": "QEMU", **shown}

    def answer(*_: object) -> dict[str, list[dict[str, Any]]]:
        return {"Hosts": [host]}

    def agent(*_: object) -> SimpleNamespace:
        return SimpleNamespace(age_s=lambda: 20.0)

    def access(*_: object) -> None:
        """Nobody is asked."""

    monkeypatch.setattr(status, "find", agent)
    monkeypatch.setattr(client, "read_access", access)
    monkeypatch.setattr(client, "call", answer)
    monkeypatch.setattr(up, "HOST_READY_S_MAX", 0.2)
    (wait,) = (step for step in up.start_steps(layout) if step.name == "Wait for the host")
    if is_ready:
        assert wait.do(lambda line: None).startswith("one: QEMU")
    else:
        with pytest.raises(steps.Failed, match="agent was not ready"):
            wait.do(lambda line: None)
