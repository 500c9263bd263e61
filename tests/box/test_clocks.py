"""This machine's clock is held to its own certificates, and a host's to its cloud's."""

import email.utils
import http.server
import itertools
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.box import clocks, doctor, ownchecks, steps
from mallee.kit import files, pki
from mallee.model.configuration import settings
from mallee.model.hosts.ailments import Code
from mallee.model.layout import Layout
from mallee.node.checks import troubles
from tests.handclock import HandClock

NOW = 1_700_000_000.0
HOUR_S = 3600.0


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    """The root of a host of a cloud elsewhere that nobody answers for yet."""
    made = Layout(root_dir)
    made.node_pki.mkdir(parents=True)
    join(made, "https://127.0.0.1:1")
    return made


def join(layout: Layout, url: str) -> None:
    files.write_json(layout.node_pki / "membership.json", {"url": url, "host_id": "host-1"})


@pytest.mark.parametrize("name", ["cloud/pki/authority.pem", "cloud/pki/server.pem", "host"])
def test_a_clock_before_a_certificate_of_this_machine_is_wrong(layout: Layout, name: str) -> None:
    request = pki.make_request("one")
    grant = pki.Grant(name="one", now=NOW, life_s=HOUR_S)
    issued = pki.issue(pki.create_authority("cloud", NOW), request.csr_pem, grant)
    path = layout.host_certificate if name == "host" else layout.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(request.key_pem + issued)
    clocks.check_certificates(layout, NOW)
    with pytest.raises(steps.Failed, match=r"says 2023-11-14T17:13:20.*begins at 2023") as failed:
        clocks.check_certificates(layout, NOW - 5 * HOUR_S)
    assert str(path) in failed.value.cause
    assert "set the clock" in failed.value.cure


@pytest.fixture
def cloud_clock() -> HandClock:
    """The clock of the cloud, which a test sets."""
    return HandClock(NOW)


@pytest.fixture
def url(cloud_clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where a cloud with that clock answers, which may take as long as it likes."""
    monkeypatch.setattr(clocks, "_ANSWER_S_MAX", 120.0)

    class Answers(http.server.BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return email.utils.formatdate(cloud_clock.now(), usegmt=True)

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    request = pki.make_request("cloud")
    grant = pki.Grant(name="cloud", now=time.time(), life_s=HOUR_S, hosts=("127.0.0.1",))
    issued = pki.issue(pki.create_authority("cloud", time.time()), request.csr_pem, grant)
    held = tmp_path / "server.pem"
    held.write_bytes(request.key_pem + issued)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(held)
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


@pytest.mark.parametrize(
    ("cloud_s", "said"), [(5 * HOUR_S, "18000 s behind"), (-5 * HOUR_S, "18000 s ahead of")]
)
def test_a_host_whose_clock_is_not_its_clouds_says_by_how_much(
    layout: Layout, url: str, cloud_clock: HandClock, cloud_s: float, said: str
) -> None:
    join(layout, url)
    own = HandClock(NOW)
    cloud_clock.time = NOW + 1
    clocks.check_cloud(layout, own)
    cloud_clock.time = NOW + cloud_s
    with pytest.raises(troubles.Trouble, match=f"{said} the cloud's") as trouble:
        clocks.check_cloud(layout, own)
    assert [one.code for one in trouble.value.ailments] == [Code.CLOCK_SKEW]


def test_the_doctor_of_a_host_asks_the_cloud(
    layout: Layout, url: str, cloud_clock: HandClock
) -> None:
    join(layout, url)
    (check,) = (one for one in ownchecks.OF_A_NODE if one.subject == "clock")
    found = doctor.judge(check, ownchecks.Patient(layout, settings.Settings(), None))
    assert (found.ok, found.code) == (False, Code.CLOCK_SKEW.value)


def test_a_late_answer_is_no_wrong_clock(layout: Layout, url: str, cloud_clock: HandClock) -> None:
    class Slow:
        """A clock by which every look takes a minute."""

        def __init__(self) -> None:
            self.times = itertools.count(NOW, 60.0)

        def now(self) -> float:
            return next(self.times)

        monotonic = now

    join(layout, url)
    for cloud_clock.time in (NOW, NOW + 30, NOW + 60):
        clocks.check_cloud(layout, Slow())
    cloud_clock.time = NOW + 70
    with pytest.raises(troubles.Trouble, match="10 s behind"):
        clocks.check_cloud(layout, Slow())


def test_a_cloud_that_is_silent_is_not_doubted(layout: Layout) -> None:
    clocks.check_cloud(layout, HandClock(NOW))
