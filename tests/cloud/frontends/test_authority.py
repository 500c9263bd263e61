"""A new authority for all front ends and hosts: they go on meanwhile, one that is killed in it
finds its way, and whoever has stolen the old one's key has nothing by it in the end."""

import random
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mallee.kit import authorities, pki, sealedto
from mallee.model.hosts.frontends import KeyTold
from tests.cloud.agent import Agent
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd, Hosts, wait_until

pytestmark = pytest.mark.postgres

KILLS = 3
AWAY = "away"


class Thief:
    """Somebody who has the disk of a front end, as it was."""

    def __init__(self, of: FrontEnd) -> None:
        text = (of.layout.cloud_pki / "authority.pem").read_bytes()
        self.authority = pki.load_authority(text, text)

    def certificate(self, name: str, serves: bool = False) -> tuple[str, bytes]:
        """A certificate in any name, and its key."""
        request = pki.make_request(name)
        hosts = ("mallee-cloud", standing.ADDRESS) if serves else ()
        grant = pki.Grant(name=name, now=time.time(), life_s=3600.0, hosts=hosts)
        return pki.issue(self.authority, request.csr_pem, grant).decode(), request.key_pem

    def posing_as(self, name: str, at: FrontEnd, trusting: str) -> Agent:
        """Who calls a front end in that name."""
        made = Agent(at.configured.ports.agents, trusting)
        made.show(*self.certificate(name))
        return made


def told(one: FrontEnd) -> Any:
    """What the administration says of it."""
    return one.sender().ask("mallee", "DescribeAuthority")


def state(one: FrontEnd) -> str:
    try:
        return told(one).element("State")
    except (OSError, AssertionError):
        return ""


def rotate(one: FrontEnd, *, leaves_behind: bool = False) -> None:
    answer = one.sender().ask("mallee", "RotateAuthority", LeaveBehind=str(leaves_behind).lower())
    assert answer.status == 200, answer.text


def trusted(one: FrontEnd) -> tuple[str, ...]:
    """The ids of what its file has."""
    return authorities.Authorities(one.layout.cloud_pki / "authority.pem").ids


def bundle(one: FrontEnd) -> str:
    return authorities.Authorities(one.layout.cloud_pki / "authority.pem").bundle_pem


def id_of(one: FrontEnd) -> str:
    return msgspec.json.decode(one.layout.front_end.read_bytes())["id"]


def refused(agent: Agent, path: str) -> bool:
    """Whether a caller is sent away: by what it shows, at the latest when it asks."""
    try:
        return agent.post(path, {"key_id": "x"})[0] == 403
    except (ssl.SSLError, ConnectionError):
        return True


@pytest.fixture
def hosts(two: list[FrontEnd], root_dir: Path) -> Iterator[Hosts]:
    """Two agents."""
    made = Hosts(root_dir, two[0], two, 2)
    yield made
    made.close()


def test_replaced_it_leaves_a_thief_nothing_and_shuts_nobody_out(
    two: list[FrontEnd], hosts: Hosts, root_dir: Path
) -> None:
    former, thief, luck = trusted(two[0]), Thief(two[0]), random.Random(5)
    away = Agent(two[0].configured.ports.agents, bundle(two[0]))
    token = two[0].sender().ask("mallee", "CreateJoinToken").element("Token")
    assert away.join(token, AWAY)[0] == 200
    rotate(two[0])
    wait_until(lambda: len(trusted(two[0])) == len(trusted(two[1])) == 2, "all to trust both")
    # With the old authority's key anybody can pose as a front end: what he is given he cannot read.
    poses = thief.posing_as(id_of(two[1]), two[0], bundle(two[0]))
    status, answer = poses.post("/v1/frontends/authority", {"key_id": trusted(two[0])[-1]})
    assert status == 200
    sealed = msgspec.convert(answer, type=KeyTold).sealed
    assert b"PRIVATE" not in sealed
    with pytest.raises(sealedto.Unopenable):
        sealedto.open_sealed(X25519PrivateKey.generate(), sealed, trusted(two[0])[-1])
    # Nobody signs with the new one before all trust it, and one does not.
    wait_until(lambda: told(two[0]).text.count(f"<member>{AWAY}</member>") == 1, "it to be named")
    assert trusted(two[0])[0] == former[0]
    rotate(two[0], leaves_behind=True)
    for _ in range(KILLS):
        time.sleep(luck.uniform(0.0, 3.0))
        victim = luck.choice(two)
        victim.kill()
        victim.start()
        victim.wait_ready()
    wait_until(lambda: state(two[0]) == "ended", "it to end")
    hosts.check()
    assert trusted(two[0]) == trusted(two[1]) != former
    assert len(trusted(two[0])) == 1
    names = {id_of(two[1]), away.host_id, *(door.host_id for door in hosts.doors)}
    for name in names:
        poses = thief.posing_as(name, two[0], bundle(two[0]))
        assert refused(poses, "/v1/frontends/keys"), name
        assert refused(poses, "/v1/renew"), name
    # Hosts believe nobody who shows what the old one signed.
    for number in range(2):
        kept = (root_dir / f"host{number}" / "node" / "pki" / "ca.pem").read_bytes()
        assert authorities.ids_of(kept) == trusted(two[0])
    # Who was away is told what to do, and joins anew as who it was.
    with pytest.raises(ssl.SSLCertVerificationError):
        away.post("/v1/sync", {})
    again = Agent(two[0].configured.ports.agents, bundle(two[0]))
    token = two[0].sender().ask("mallee", "CreateJoinToken").element("Token")
    assert again.join(token, AWAY)[0] == 200
    assert again.host_id == away.host_id
