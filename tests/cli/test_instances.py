"""`mallee ssh`: what it waits for, why it cannot, and the words by which it starts OpenSSH."""

import datetime
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mallee.box import client, sshgreeting, steps
from mallee.cli.instances import instances, reaching
from mallee.model.layout import Layout

LAYOUT = Layout(Path("/r"))
ID = "i-0123456789abcdef0"


def words(instance: str) -> list[str]:
    login = instances.Login(LAYOUT, instance, "root", ("root@192.0.2.1", "true"))
    return login.words(Path("/k"))


def test_a_host_key_belongs_to_an_instance_and_not_to_its_address() -> None:
    """An elastic address that moved on is no reason to refuse the next instance."""
    assert "HostKeyAlias=i-1" in words("i-1")
    assert "HostKeyAlias=i-2" in words("i-2")
    assert words("i-1")[-2:] == ["root@192.0.2.1", "true"]


def test_nobody_waits_minutes_for_what_a_group_stops() -> None:
    assert f"ConnectTimeout={instances.CONNECT_S}" in words("i-1")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "AGAIN_S", 0.001)


def described(state: str, reason: str = "", age_s: float = 0.0) -> dict[str, Any]:
    launched_at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age_s)
    told = {"StateReason": {"Message": reason}} if reason else {}
    return {"InstanceId": ID, "State": {"Name": state}, "LaunchTime": launched_at, **told}


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the cloud tells of the instance, one answer after another; the last one stays."""
    told: list[dict[str, Any]] = []

    def look(_layout: Layout, _instance: str) -> dict[str, Any]:
        return told.pop(0) if len(told) > 1 else told[0]

    monkeypatch.setattr(reaching, "look", look)
    return told


def test_one_that_begins_is_waited_for(
    states: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    states += [described("pending")] * 3 + [described("running")]
    assert reaching.wait_running(LAYOUT, ID)["State"] == {"Name": "running"}
    assert f"waiting until {ID} runs, 180 s at most" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("state", "cure"),
    [
        ("stopped", f"start-instances --instance-ids {ID}"),
        ("stopping", f"start-instances --instance-ids {ID}"),
        ("terminated", "launch another"),
    ],
)
def test_one_that_does_not_run_is_not_waited_for(
    states: list[dict[str, Any]], state: str, cure: str
) -> None:
    states += [described("pending"), described(state, "No room was there.")]
    with pytest.raises(steps.Failed) as failed:
        reaching.wait_running(LAYOUT, ID)
    assert failed.value.cause == f"{ID} is {state}: No room was there."
    assert cure in failed.value.cure


def test_one_that_never_runs_is_given_up(
    states: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "RUNS_WITHIN_S", 0.01)
    states += [described("pending")]
    with pytest.raises(steps.Failed, match="did not run within"):
        reaching.wait_running(LAYOUT, ID)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the cloud judges of a packet to the guest's SSH; empty: it does not judge."""
    told: dict[str, Any] = {}

    def call(_access: object, _service: str, _operation: str, asked: dict[str, Any]) -> Any:
        assert asked == {"SourceId": "internet", "Destination": ID, "Protocol": "tcp", "Port": 22}
        if not told:
            raise client.Refused("UnsupportedOperation", "it is not known in this mode")
        return told

    def access(_layout: Layout) -> None:
        """Nobody is asked."""

    monkeypatch.setattr(reaching.client, "access", access)
    monkeypatch.setattr(reaching.api, "call", call)
    return told


def way(*answers: str) -> reaching.Way:
    """A way on which tries end so, the last one for ever."""
    left: Iterator[str] = iter(answers)
    last = answers[-1]
    return reaching.Way("192.0.2.1", "internet", lambda: next(left, last))


@pytest.mark.usefixtures("judged")
def test_a_guest_that_boots_is_waited_for(
    states: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    states += [described("running")]
    reaching.wait_greeting(LAYOUT, described("running"), way("timed out", "Connection refused", ""))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"waiting for SSH of {ID} at 192.0.2.1, 300 s at most: timed out")
    reaching.wait_greeting(LAYOUT, described("running", age_s=9e5), way("Connection refused", ""))
    assert "60 s at most" in capsys.readouterr().err


@pytest.mark.usefixtures("judged")
def test_nobody_is_told_to_wait_for_who_answers(capsys: pytest.CaptureFixture[str]) -> None:
    reaching.wait_greeting(LAYOUT, described("running"), way(""))
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("judged")
def test_a_guest_that_never_answers_is_given_up(
    states: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "ANSWERS_WITHIN_S", 0.01)
    states += [described("running")]
    with pytest.raises(steps.Failed, match="the last try: Connection refused") as failed:
        reaching.wait_greeting(LAYOUT, described("running", age_s=999), way("Connection refused"))
    assert failed.value.cure == f"mallee explain {ID}; mallee console {ID}"


@pytest.mark.usefixtures("judged")
def test_who_stops_meanwhile_is_not_waited_for(states: list[dict[str, Any]]) -> None:
    states += [described("running"), described("stopping", "It powered itself off.")]
    with pytest.raises(steps.Failed, match="is stopping: It powered itself off"):
        reaching.wait_greeting(LAYOUT, described("running"), way("timed out"))


def test_what_rules_forbid_is_said_and_waited_for_shortly(
    states: list[dict[str, Any]], judged: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "FORBIDDEN_WITHIN_S", 0.01)
    why = "no ingress rule of the groups of eni-1 lets it in"
    judged.update(Passes=False, Why=why, Cure="AuthorizeSecurityGroupIngress")
    states += [described("running")]
    with pytest.raises(steps.Failed, match=why) as failed:
        reaching.wait_greeting(LAYOUT, described("running"), way("timed out"))
    assert failed.value.cure == "AuthorizeSecurityGroupIngress"


@pytest.mark.parametrize(
    ("said", "silence"),
    [(b"SSH-2.0-dropbear", ""), (b"HTTP/1.1 200", "who is there speaks no SSH")],
)
def test_who_greets_is_told_from_who_says_something_else(
    monkeypatch: pytest.MonkeyPatch, said: bytes, silence: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(sshgreeting, "PORT", server.getsockname()[1])
        answering = threading.Thread(target=greet, args=(server, said))
        answering.start()
        assert sshgreeting.silence("127.0.0.1") == silence
        answering.join()
    assert sshgreeting.silence("127.0.0.1") == "Connection refused"


def greet(server: socket.socket, said: bytes) -> None:
    """Say something to who connects next."""
    line, _ = server.accept()
    with line:
        line.sendall(said)
