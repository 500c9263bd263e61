"""The agents' endpoint: who may speak, what a host is told, and that it is told at once."""

import asyncio
import hashlib
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mallee.cloud import actions
from mallee.cloud.action import Action, AskHost
from mallee.cloud.hosts import hearing
from mallee.cloud.hosts.doors import asks
from mallee.cloud.hosts.doors import door as hosts
from mallee.cloud.hosts.doors import held as calls
from mallee.cloud.hosts.slices import slices
from mallee.cloud.state import records, store
from mallee.kit import clock, pki
from mallee.model.hosts.hosts import HostWanted
from mallee.model.images.images import Blob, Image
from tests.cloud.agent import FACTS, Agent
from tests.cloud.journal import of
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

SOON_S, HELD_S = 60.0, 110.0
"""What is done at once is done so soon on a busy machine, and what is held goes on longer."""
FACTS_JSON = msgspec.to_builtins(FACTS)


def token_of(sender: Sender) -> tuple[str, str]:
    """A fresh join token and the authority's certificate."""
    answer = sender.ask("mallee", "CreateJoinToken")
    assert answer.status == 200, answer.text
    return answer.element("Token"), answer.element("CaCertificate")


@pytest.fixture
def stranger(cloud: RunningCloud, sender: Sender) -> Agent:
    """An agent that has not joined."""
    return Agent(cloud.agents_port, token_of(sender)[1])


_NAMES = iter(f"host-{number}" for number in range(1000))


@pytest.fixture
def agent(cloud: RunningCloud, sender: Sender) -> Agent:
    """An agent that has joined under a name of its own and said what its host can."""
    token, ca_pem = token_of(sender)
    joined = Agent(cloud.agents_port, ca_pem)
    status, answer = joined.join(token, next(_NAMES))
    assert status == 200, answer
    joined.sync(facts=FACTS_JSON, seen={})
    return joined


# --- joining ---


def test_token_is_good_for_one_host(cloud: RunningCloud, sender: Sender, stranger: Agent) -> None:
    token, _ = token_of(sender)
    assert stranger.join(token, "once")[0] == 200
    status, answer = stranger.join(token, "twice")
    assert status == 403
    assert "used already, by once" in answer["error"]


def test_wrong_token_is_refused(stranger: Agent) -> None:
    assert stranger.join("nonsense")[0] == 403


def test_refused_join_leaves_the_token_good(sender: Sender, stranger: Agent) -> None:
    token, _ = token_of(sender)
    assert stranger.join(token, "../../etc")[0] == 400
    assert stranger.join(token, "elsewhere", zone="mars-north-1a")[0] == 400
    request = {"token": token, "csr_pem": "nonsense", "name": "x"}
    assert stranger.post("/v1/join", request)[0] == 400
    assert stranger.join(token, "after-all")[0] == 200


def test_name_of_a_live_host_is_not_given_again(sender: Sender, agent: Agent) -> None:
    name = sender.ask("mallee", "DescribeHosts", **{"HostIds.member.1": agent.host_id})
    other = Agent(agent.port, token_of(sender)[1])
    status, answer = other.join(token_of(sender)[0], name.element("Name"))
    assert status == 409
    assert "alive" in answer["error"]


def test_host_that_lost_its_certificate_joins_again_as_itself(
    cloud: RunningCloud, sender: Sender
) -> None:
    token, ca_pem = token_of(sender)
    first = Agent(cloud.agents_port, ca_pem)
    assert first.join(token, "forgetful")[0] == 200
    second = Agent(cloud.agents_port, ca_pem)
    assert second.join(token_of(sender)[0], "forgetful")[0] == 200
    assert second.host_id == first.host_id
    assert second.sync()["wanted"] is not None
    assert first.post("/v1/sync", {"known_generation": 0, "wait_s": 0})[0] == 403


def test_stranger_is_not_read_for_long(stranger: Agent) -> None:
    assert stranger.call("POST", "/v1/join", b" " * (hosts.MAX_JOIN_BYTES + 1))[0] == 413


# --- who may speak ---


def test_without_a_certificate_nothing_is_told(stranger: Agent) -> None:
    for method, path in (("POST", "/v1/sync"), ("GET", "/v1/blobs/" + "0" * 64)):
        status, body = stranger.call(method, path, b"{}")
        assert status == 401
        assert b"certificate" in body


def test_certificate_of_another_authority_is_refused(stranger: Agent) -> None:
    authority = pki.create_authority("impostor", time.time())
    request = pki.make_request("x")
    grant = pki.Grant(name="host-1", now=time.time(), life_s=60)
    stranger.show(pki.issue(authority, request.csr_pem, grant).decode(), request.key_pem)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        stranger.post("/v1/sync", {"known_generation": 0, "wait_s": 0})


def test_certificate_whose_host_is_gone_is_refused(cloud: RunningCloud, stranger: Agent) -> None:
    text = (cloud.layout.cloud_pki / "authority.pem").read_bytes()
    authority = pki.load_authority(text, text)
    request = pki.make_request("x")
    grant = pki.Grant(name="host-0123456789abcdef0", now=time.time(), life_s=60)
    stranger.show(pki.issue(authority, request.csr_pem, grant).decode(), request.key_pem)
    status, answer = stranger.post("/v1/sync", {"known_generation": 0, "wait_s": 0})
    assert status == 403
    assert "not part of this cloud" in answer["error"]


def test_renewed_certificate_and_the_one_before_are_good(agent: Agent) -> None:
    status, answer, key = agent.renew()
    assert (status, answer["host_id"]) == (200, agent.host_id)
    agent.sync()
    agent.show(answer["certificate_pem"], key)
    agent.sync()
    status, newest, newest_key = agent.renew()
    agent.show(newest["certificate_pem"], newest_key)
    assert agent.renew()[0] == 200


def test_a_certificate_ends_when_the_next_one_is_used(cloud: RunningCloud, sender: Sender) -> None:
    token, ca_pem = token_of(sender)
    agent, thief = Agent(cloud.agents_port, ca_pem), Agent(cloud.agents_port, ca_pem)
    assert agent.join(token, "robbed")[0] == 200
    _, second, second_key = agent.renew()
    for holder in (agent, thief):
        holder.show(second["certificate_pem"], second_key)
    _, third, third_key = agent.renew()
    thief.sync()
    agent.show(third["certificate_pem"], third_key)
    agent.sync()
    status, answer = thief.post("/v1/renew", {"csr_pem": pki.make_request("x").csr_pem.decode()})
    assert status == 403
    assert "newer certificates" in answer["error"]


def test_a_host_may_miss_any_number_of_answers_to_its_renewals(
    cloud: RunningCloud, sender: Sender
) -> None:
    token, ca_pem = token_of(sender)
    agent, finder = Agent(cloud.agents_port, ca_pem), Agent(cloud.agents_port, ca_pem)
    assert agent.join(token, "unlucky")[0] == 200
    _, missed, missed_key = agent.renew()
    assert agent.renew()[0] == 200
    _, newest, newest_key = agent.renew()
    agent.sync()
    finder.show(missed["certificate_pem"], missed_key)
    status, answer = finder.post("/v1/sync", {"known_generation": 0, "wait_s": 0})
    assert status == 403
    assert "newer certificates" in answer["error"]
    agent.show(newest["certificate_pem"], newest_key)
    agent.sync()


def test_plain_http_gets_nothing(cloud: RunningCloud) -> None:
    with pytest.raises((ConnectionError, OSError)):
        Sender(cloud.agents_port, cloud.admin).send_raw("GET", "/v1/sync", {})


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"known_generation": "x"}', b"\xff"])
def test_garbage_is_refused_with_a_sentence(agent: Agent, body: bytes) -> None:
    status, answer = agent.call("POST", "/v1/sync", body)
    assert status == 400
    assert b"cannot be read" in answer


# --- being told ---


def test_new_host_is_told_everything(agent: Agent) -> None:
    wanted = msgspec.convert(agent.sync()["wanted"], HostWanted)
    assert wanted.zone == "us-east-1a"
    assert wanted.instances == ()


def test_known_generation_is_not_told_again(agent: Agent) -> None:
    generation = agent.sync()["wanted"]["generation"]
    assert agent.sync(generation)["wanted"] is None
    assert agent.sync(generation - 1)["wanted"]["generation"] == generation


async def test_held_call_ends_when_something_is_newer(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, ec2: Any
) -> None:
    """The slice is played by the test: it is newer when a key pair was made."""
    generation = agent.sync()["wanted"]["generation"]
    told = msgspec.convert(agent.sync()["wanted"], HostWanted)
    newer = msgspec.structs.replace(told, generation=generation + 1)
    made: list[str] = []
    monkeypatch.setattr(slices.Slices, "host_wanted", lambda *_: newer if made else told)
    # Nothing but the news ends it soon.
    monkeypatch.setattr(calls, "HOLD_S_MAX", HELD_S)
    held = asyncio.create_task(asyncio.to_thread(agent.sync, generation, HELD_S))
    await asyncio.sleep(0)
    made.append("newer")
    await asyncio.to_thread(ec2.create_key_pair, KeyName="wake", KeyType="ed25519")
    answer = await asyncio.wait_for(held, SOON_S)
    assert answer["wanted"]["generation"] == generation + 1


def test_held_call_ends_at_its_time(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "HOLD_S_MAX", 0.05)
    generation = agent.sync()["wanted"]["generation"]
    assert agent.sync(generation, wait_s=3600)["wanted"] is None


def test_host_that_is_ahead_of_the_store_is_told_of_once(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = of(monkeypatch, calls)
    for _ in range(2):
        assert agent.sync(10**9)["wanted"] is None
    assert [line["host"] for line in journal.lines] == [agent.host_id]


# --- telling ---


def test_facts_of_a_host_are_shown(sender: Sender, agent: Agent) -> None:
    agent.sync(leftovers=["domain i-1 has no owner"])
    shown = sender.ask("mallee", "DescribeHosts", **{"HostIds.member.1": agent.host_id})
    assert shown.element("State") == "ENABLED"
    assert "<MemoryMib>8192</MemoryMib>" in shown.text
    assert "domain i-1 has no owner" in shown.text
    assert float(shown.element("SecondsSinceHeard")) < 60


def test_a_host_that_was_heard_by_a_clock_since_set_back_is_not_said_to_be_heard_just_now(
    sender: Sender, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown() -> str:
        return sender.ask("mallee", "DescribeHosts", **{"HostIds.member.1": agent.host_id}).text

    with monkeypatch.context() as ahead:
        ahead.setattr(clock.SystemClock, "now", lambda _self: time.time() + 18_000)
        agent.sync()
    assert "<Hypervisor>" in shown()
    assert "SecondsSinceHeard" not in shown()
    agent.sync()
    assert "SecondsSinceHeard" in shown()


def test_same_report_again_writes_nothing(agent: Agent, sender: Sender) -> None:
    before = sender.ask("mallee", "ExplainResource", ResourceId=agent.host_id)
    facts = {**FACTS_JSON, "free_disk_bytes": FACTS.free_disk_bytes + 1000}
    for _ in range(3):
        agent.sync(facts=facts, seen={})
    after = sender.ask("mallee", "ExplainResource", ResourceId=agent.host_id)
    assert before.element("Changes") == after.element("Changes")


def test_silent_host_is_written_down_and_up_when_it_speaks(
    cloud: RunningCloud, sender: Sender, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "AGENT_SILENT_AFTER_S", 0.0)

    def state() -> str:
        asked = {"HostIds.member.1": agent.host_id}
        return sender.ask("mallee", "DescribeHosts", **asked).element("State")

    deadline = time.monotonic() + 60
    while state() != "NOTREADY" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert state() == "NOTREADY"
    monkeypatch.undo()
    agent.sync()
    assert state() == "ENABLED"


# --- being asked ---


@pytest.fixture
def asking(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let GetConsoleOutput ask this test's agent, whatever the instance."""

    def finish(call: object, request: Mapping[str, Any], answer: bytes) -> dict[str, Any]:
        return {"InstanceId": request["InstanceId"], "Output": answer.decode()}

    row = Action(
        service="ec2",
        name="GetConsoleOutput",
        does=AskHost(
            prepare=lambda call, request: (agent.host_id, "console", request["InstanceId"]),
            finish=finish,
        ),
        honours=frozenset({"InstanceId"}),
    )
    monkeypatch.setitem(actions.TABLE, ("ec2", "GetConsoleOutput"), row)


@pytest.mark.usefixtures("asking")
async def test_answer_of_a_host_reaches_who_asked(agent: Agent, sender: Sender) -> None:
    generation = agent.sync()["wanted"]["generation"]
    asked = asyncio.create_task(
        asyncio.to_thread(sender.ask, "ec2", "GetConsoleOutput", InstanceId="i-1")
    )
    told = await asyncio.to_thread(agent.sync, generation, 10)
    (question,) = told["asks"]
    assert (question["kind"], question["instance_id"]) == ("console", "i-1")
    path = f"/v1/answers/{question['id']}"
    assert (await asyncio.to_thread(agent.call, "POST", path, b"login:"))[0] == 204
    answer = await asked
    assert answer.element("output") == "login:"
    assert agent.call("POST", path, b"again")[0] == 404


@pytest.mark.usefixtures("asking")
async def test_host_that_does_not_answer_is_named(
    sender: Sender, agent: Agent, monkeypatch: pytest.MonkeyPatch, cloud: RunningCloud
) -> None:
    monkeypatch.setattr(asks, "DEADLINE_S", 0.1)
    answer = await asyncio.to_thread(sender.ask, "ec2", "GetConsoleOutput", InstanceId="i-1")
    assert (answer.status, answer.code) == (503, "Unavailable")
    assert agent.host_id in answer.message


@pytest.mark.usefixtures("asking")
def test_silent_host_is_not_waited_for(
    cloud: RunningCloud, sender: Sender, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asks, "DEADLINE_S", 3600.0)
    cloud.store.transact(lambda tx: _silence(tx, agent.host_id))
    answer = sender.ask("ec2", "GetConsoleOutput", InstanceId="i-1")
    assert (answer.status, answer.code) == (503, "Unavailable")
    assert "says nothing" in answer.message


def _silence(tx: store.Tx, host_id: str) -> None:
    host = tx.get(records.HOST, host_id)
    assert host is not None
    assert host.seen is not None
    tx.observe(host, msgspec.structs.replace(host.seen, is_silent=True))


# --- fetching ---


def test_blob_is_only_for_hosts_that_need_it(cloud: RunningCloud, agent: Agent) -> None:
    content = b"kernel" * 1000
    sha256 = hashlib.sha256(content).hexdigest()
    cloud.layout.blobs.mkdir(exist_ok=True)
    (cloud.layout.blobs / sha256).write_bytes(content)
    assert agent.call("GET", f"/v1/blobs/{sha256}")[0] == 403
    for path in ("/v1/blobs/..%2f..%2fmaster.key", "/v1/blobs/master.key", "/v1/blobs/../x"):
        assert agent.call("GET", path)[0] in (403, 404)


def test_blob_of_a_public_image_is_streamed_whole_and_in_parts(
    cloud: RunningCloud, agent: Agent
) -> None:
    content = bytes(range(256)) * 20_000
    sha256 = hashlib.sha256(content).hexdigest()
    cloud.layout.blobs.mkdir(exist_ok=True)
    (cloud.layout.blobs / sha256).write_bytes(content)
    image = Image(
        id="ami-0123456789abcdef9",
        name="public",
        kind="machine",
        location="test",
        is_public=True,
        blob=Blob(sha256=sha256, size_bytes=len(content), format="raw"),
        created_at=0.0,
    )
    account = cloud.admin["account_id"]
    cloud.store.transact(lambda tx: tx.insert(records.IMAGE, account, image.id, image))
    assert agent.call("GET", f"/v1/blobs/{sha256}") == (200, content)
    ranged = {"Range": "bytes=1000000-"}
    assert agent.call("GET", f"/v1/blobs/{sha256}", headers=ranged) == (206, content[1_000_000:])
    (cloud.layout.blobs / sha256).unlink()
    assert agent.call("GET", f"/v1/blobs/{sha256}")[0] == 404


async def test_held_call_does_not_hold_up_the_end(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_held = threading.Event()
    wait = calls.Calls._wait

    async def noticed(self: calls.Calls, *arguments: Any) -> None:
        is_held.set()
        await wait(self, *arguments)

    monkeypatch.setattr(calls.Calls, "_wait", noticed)
    monkeypatch.setattr(calls, "HOLD_S_MAX", HELD_S)
    with RunningCloud(root_dir) as cloud:
        token, ca_pem = token_of(Sender(cloud.port, cloud.admin))
        agent = Agent(cloud.agents_port, ca_pem)
        assert agent.join(token)[0] == 200
        generation = agent.sync()["wanted"]["generation"]
        held = asyncio.create_task(asyncio.to_thread(agent.sync, generation, HELD_S))
        assert await asyncio.to_thread(is_held.wait, SOON_S)
        began = time.monotonic()
        await asyncio.to_thread(cloud.stop)
        assert (await held)["wanted"] is None
        assert time.monotonic() - began < SOON_S
