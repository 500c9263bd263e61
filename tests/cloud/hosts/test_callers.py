"""A host that was retired is refused from then on, whatever it shows and whatever stands open."""

import ssl
import threading
import time
from http.client import RemoteDisconnected
from typing import Any
from unittest import mock

import pytest

from mallee.cloud import bootstrap
from mallee.cloud.hosts.doors import callers, joining
from mallee.cloud.state import store
from mallee.kit import authorities, clock, pki
from mallee.model.configuration.settings import Settings
from tests.cloud.agent import Agent, speaking
from tests.cloud.hosts.test_door import FACTS_JSON, token_of
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender

SYNC = {"known_generation": 0, "wait_s": 0}


def join(cloud: RunningCloud, sender: Sender, name: str) -> Agent:
    token, ca_pem = token_of(sender)
    agent = Agent(cloud.agents_port, ca_pem)
    status, answer = agent.join(token, name)
    assert status == 200, answer
    agent.sync(facts=FACTS_JSON, seen={})
    return agent


def retire(sender: Sender, agent: Agent) -> None:
    answer = sender.ask("mallee", "RetireHost", HostId=agent.host_id)
    assert answer.status == 200, answer.text


def test_a_retired_host_is_refused_everything(cloud: RunningCloud, sender: Sender) -> None:
    agent = join(cloud, sender, "leaving")
    retire(sender, agent)
    asked: list[tuple[str, Any]] = [
        ("/v1/sync", SYNC),
        ("/v1/renew", {"csr_pem": pki.make_request("x").csr_pem.decode()}),
        ("/v1/credentials", {"instance_ids": []}),
        ("/v1/passes", {"account": "000000000001"}),
        ("/v1/requests", {}),
        ("/v1/answers/1", {}),
        ("/v1/refusals/1", {}),
        ("/v1/transfers/import-ami-1/pass", {}),
        ("/v1/volumekeys/vol-1", {}),
        ("/v1/flowlogs/x", {}),
    ]
    for path, body in asked:
        status, answer = agent.post(path, body)
        assert (status, "retired" in answer["error"]) == (403, True), path
    for path in ("/v1/streams", "/v1/lines/1", "/v1/blobs/" + "0" * 64):
        status, content = agent.call("GET", path)
        assert (status, b"retired" in content) == (403, True), path


def test_a_call_that_is_held_ends_when_its_host_is_retired(
    cloud: RunningCloud, sender: Sender
) -> None:
    agent = join(cloud, sender, "waiting")
    generation = agent.sync(facts=FACTS_JSON)["wanted"]["generation"]
    ended: list[int] = []

    def hold() -> None:
        try:
            while True:
                asked = {"known_generation": generation, "wait_s": 10}
                ended.append(agent.post("/v1/sync", asked)[0])
                if ended[-1] != 200:
                    return
        except (RemoteDisconnected, ConnectionError):
            ended.append(0)

    held = threading.Thread(target=hold)
    held.start()
    retire(sender, agent)
    # As long as a call may be held, and more.
    held.join(30)
    assert not held.is_alive()
    assert ended[-1] in (0, 403)


def test_the_certificate_before_the_last_is_refused_too(
    cloud: RunningCloud, sender: Sender
) -> None:
    agent = join(cloud, sender, "renewed")
    assert agent.renew()[0] == 200
    retire(sender, agent)
    assert agent.post("/v1/sync", SYNC)[0] == 403


def test_an_expired_certificate_is_refused(cloud: RunningCloud, sender: Sender) -> None:
    agent = join(cloud, sender, "outlived")
    text = (cloud.layout.cloud_pki / "authority.pem").read_bytes()
    authority, request = pki.load_authority(text, text), pki.make_request("x")
    grant = pki.Grant(name=agent.host_id, now=time.time() - 7200, life_s=3600)
    agent.show(pki.issue(authority, request.csr_pem, grant).decode(), request.key_pem)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        agent.post("/v1/sync", SYNC)


def test_a_certificate_that_the_cloud_did_not_note_is_refused(
    cloud: RunningCloud, sender: Sender
) -> None:
    agent = join(cloud, sender, "doubled")
    text = (cloud.layout.cloud_pki / "authority.pem").read_bytes()
    authority, request = pki.load_authority(text, text), pki.make_request("x")
    grant = pki.Grant(name=agent.host_id, now=time.time(), life_s=3600)
    agent.show(pki.issue(authority, request.csr_pem, grant).decode(), request.key_pem)
    assert agent.post("/v1/sync", SYNC)[0] == 403


def test_the_name_of_a_retired_host_is_free(cloud: RunningCloud, sender: Sender) -> None:
    first = join(cloud, sender, "again")
    with speaking(first):
        retire(sender, first)
    second = join(cloud, sender, "again")
    assert second.host_id != first.host_id
    assert first.post("/v1/sync", SYNC)[0] == 403
    second.sync()


def test_a_host_that_joined_elsewhere_is_known_at_once(cloud: RunningCloud, sender: Sender) -> None:
    token, ca_pem = token_of(sender)
    agent, request = Agent(cloud.agents_port, ca_pem), pki.make_request("elsewhere")
    other = store.Store.open(bootstrap.database_url(cloud.layout, Settings()), clock=clock.SYSTEM)
    try:
        registry = joining.registry(
            authorities.Authorities(cloud.layout.cloud_pki / "authority.pem"), Settings()
        )
        asked = joining.JoinRequest(token=token, csr_pem=request.csr_pem.decode(), name="elsewhere")
        certified = other.transact(lambda tx: joining.join(tx, registry, asked))
        agent.show(certified.certificate_pem, request.key_pem)
        assert agent.post("/v1/sync", SYNC)[0] == 200
        renewed = pki.make_request("elsewhere")
        asked_anew = joining.RenewRequest(csr_pem=renewed.csr_pem.decode())
        certified = other.transact(
            lambda tx: joining.renew(tx, registry, certified.host_id, asked_anew)
        )
        agent.show(certified.certificate_pem, renewed.key_pem)
        assert agent.post("/v1/sync", SYNC)[0] == 200
    finally:
        other.close()


@pytest.mark.parametrize(("age_s", "looks"), [(0.0, 1), (2 * callers.NEW_S, 0)])
def test_certificates_that_nobody_noted_cost_a_look_at_most(
    cloud: RunningCloud, sender: Sender, age_s: float, looks: int
) -> None:
    agent = join(cloud, sender, f"insistent-{looks}")
    text = (cloud.layout.cloud_pki / "authority.pem").read_bytes()
    authority, request = pki.load_authority(text, text), pki.make_request("x")
    grant = pki.Grant(name=agent.host_id, now=time.time() - age_s, life_s=3600)
    agent.show(pki.issue(authority, request.csr_pem, grant).decode(), request.key_pem)
    with mock.patch.object(cloud.store, "catch_up", wraps=cloud.store.catch_up) as looked:
        for _ in range(5):
            assert agent.post("/v1/sync", SYNC)[0] == 403
    assert looked.call_count == looks
