"""Who was invited becomes a front end, once; with its certificate alone it gets the secrets."""

import json
import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.box import frontendjoin, steps
from mallee.kit import pki
from mallee.model.hosts import frontends
from tests import postgresql
from tests.cloud import running
from tests.cloud.agent import Agent
from tests.cloud.frontends import standing
from tests.cloud.frontends.standing import FrontEnd
from tests.cloud.signing import Sender

pytestmark = pytest.mark.postgres

SECRETS = "/v1/frontends/secrets"


@pytest.fixture(scope="module")
def first(postgresql_socket: Path) -> Iterator[FrontEnd]:
    """A front end that runs."""
    home = Path(tempfile.mkdtemp(prefix="m-"))
    with postgresql.database(postgresql_socket) as url:
        made = standing.found(home / "fe0", url)
        try:
            made.start()
            made.wait_ready()
            yield made
        finally:
            made.kill()
            shutil.rmtree(home)


def agent_of(first: FrontEnd) -> Agent:
    """Somebody who knows the cloud's authority, and has no certificate."""
    ca_pem = first.sender().ask("mallee", "CreateJoinToken").element("CaCertificate")
    return Agent(first.configured.ports.agents, ca_pem)


def test_who_is_invited_gets_the_secrets_once(first: FrontEnd, root_dir: Path) -> None:
    wish = frontendjoin.Wish(standing.invitation(first), standing.OUTSIDE, "once")
    fetched = frontendjoin.fetch(wish)
    kept = {name: (first.layout.cloud / name).read_bytes() for name in frontends.SECRET_FILES}
    assert fetched.secrets.files == kept
    assert "master" not in repr(fetched.secrets).replace("master.key", "")
    with pytest.raises(steps.Failed, match="used already, by once") as refused:
        frontendjoin.fetch(wish)
    assert "mallee frontends invite" in refused.value.cure


def test_a_name_is_one_front_end_s(first: FrontEnd) -> None:
    frontendjoin.fetch(frontendjoin.Wish(standing.invitation(first), standing.OUTSIDE, "twin"))
    with pytest.raises(steps.Failed, match="there is a front end named twin"):
        frontendjoin.fetch(frontendjoin.Wish(standing.invitation(first), standing.OUTSIDE, "twin"))


def test_secrets_are_for_nobody_else(first: FrontEnd) -> None:
    stranger = agent_of(first)
    assert stranger.call("GET", SECRETS)[0] == 401
    host = agent_of(first)
    token = first.sender().ask("mallee", "CreateJoinToken").element("Token")
    assert host.join(token)[0] == 200
    assert host.call("GET", SECRETS)[0] == 403
    # A host's token makes no front end, and a front end's makes no host.
    asked = {"token": token, "csr_pem": pki.make_request("x").csr_pem.decode(), "name": "x"}
    assert stranger.post("/v1/frontends", asked)[0] == 403
    leave = standing.invitation(first).token
    assert agent_of(first).join(leave)[0] == 403


def test_a_forged_certificate_is_refused(first: FrontEnd) -> None:
    forger = agent_of(first)
    own = pki.create_authority("forger", 1e9)
    request = pki.make_request("fe-1")
    grant = pki.Grant(name="fe-1", now=1e9, life_s=1e9)
    forger.show(pki.issue(own, request.csr_pem, grant).decode(), request.key_pem)
    with pytest.raises((ssl.SSLError, OSError)):
        forger.call("GET", SECRETS)


def test_a_front_end_that_was_removed_does_not_come_back(first: FrontEnd, root_dir: Path) -> None:
    second = standing.join(root_dir / "fe1", first, "removed")
    identity = json.loads(second.layout.front_end.read_text())
    asked = {"FrontEndId": identity["id"]}
    assert first.sender().ask("mallee", "RemoveFrontEnd", **asked).status == 200
    assert first.sender().ask("mallee", "RemoveFrontEnd", **asked).code == "NoSuchResource"
    second.start()
    assert second.process is not None
    assert second.process.wait(standing.START_S) == 1
    assert "was removed from this cloud" in (second.layout.root / "out").read_text()


def test_one_that_is_there_is_not_removed(first: FrontEnd) -> None:
    own = json.loads(first.layout.front_end.read_text())["id"]
    shown = first.sender().ask("mallee", "DescribeFrontEnds").text.partition(own)[2]
    assert "<IsPresent>true</IsPresent>" in shown.partition("<FrontEndId>")[0]
    answer = first.sender().ask("mallee", "RemoveFrontEnd", FrontEndId=own)
    assert answer.code == "IncorrectState"


def test_what_is_kept_is_for_the_cloud_s_user_alone(first: FrontEnd, root_dir: Path) -> None:
    second = standing.join(root_dir / "fe1", first, "kept")
    for name in ("frontend.json", *frontends.SECRET_FILES):
        assert os.stat(second.layout.cloud / name).st_mode & 0o077 == 0


def test_own_settings_are_the_machine_s(first: FrontEnd) -> None:
    fetched = frontendjoin.fetch(
        frontendjoin.Wish(standing.invitation(first), standing.OUTSIDE, "own")
    )
    own = frontendjoin.own_settings(fetched.secrets, "192.0.2.2")
    common = replace(
        own,
        listen=first.configured.listen,
        address=first.configured.address,
        objects=first.configured.objects,
    )
    assert common == first.configured
    assert (own.address, own.objects.engine) == ("192.0.2.2", "elsewhere")


def test_a_cloud_on_sqlite_has_one() -> None:
    with running.fresh() as cloud:
        sender = Sender(cloud.port, cloud.admin)
        answer = sender.ask("mallee", "CreateFrontEndToken")
        assert answer.code == "UnsupportedOperation"
        ca_pem = sender.ask("mallee", "CreateJoinToken").element("CaCertificate")
        stranger = Agent(cloud.agents_port, ca_pem)
        asked = {"token": "t", "csr_pem": "", "name": "x"}
        assert stranger.post("/v1/frontends", asked)[0] == 409
