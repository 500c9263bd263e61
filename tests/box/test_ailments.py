"""Every code of the doctor is caused by a test, so that none stands for what nobody can find.

Here by those of one machine, each made wrong for one check; the faults of networks and of several
hosts are made in labs (`tests/lab/test_doctor.py`) and by answers (`test_diagnosis`).
"""

import datetime
import re
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mallee.box import client, doctor, ownchecks, rounds, status
from mallee.kit import clock, pki, process
from mallee.model.configuration import settings
from mallee.model.hosts.ailments import Code
from mallee.model.hosts.checks import Finding
from mallee.model.layout import Layout
from mallee.node.checks import host, switchports, troubles
from mallee.node.do.network import uplink
from mallee.node.do.storage import places, shares
from mallee.node.volumes.volumeplace import VolumePlace

RUNS = cast(client.Access, SimpleNamespace(endpoint="http://127.0.0.1:1"))
"""A cloud that is said to run."""
OWN = {one.subject: one for one in ownchecks.ALL}
ON_HOST = dict(host.CHECKS)
TESTS = Path(__file__).parents[1]


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    """A root with nothing in it."""
    return Layout(root_dir)


def look(layout: Layout, subject: str, access: client.Access | None = None) -> Finding:
    """Do one check of this machine's own."""
    # Ranges for which no cloud of another test has routes.
    network = settings.Network(public_range="198.19.7.0/24", private_range="10.253.0.0/16")
    chosen = settings.Settings(ports=settings.Ports(services=0, agents=0), network=network)
    return doctor.judge(OWN[subject], ownchecks.Patient(layout, chosen, access))


def is_named(found: Finding, code: Code) -> bool:
    """Whether a trouble has that code, and is told of in full."""
    return not found.ok and found.code == code.value and bool(found.cause and found.cure)


def told(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
    """Have the cloud answer so, by operation; an exception is raised."""

    def call(_access: object, _service: str, operation: str, _more: object = None) -> Any:
        answer = answers[operation]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(client, "call", call)


def test_settings_that_cannot_be_read(layout: Layout) -> None:
    layout.settings.write_text("zone = [")
    (found,) = doctor.examine(layout)
    assert is_named(found, Code.SETTINGS_UNREADABLE)


def test_programs_that_are_missing(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert is_named(look(layout, "machine"), Code.MACHINE_INCOMPLETE)


def test_a_clock_that_begins_at_nought(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownchecks.time, "gmtime", partial(time.gmtime, 0))
    assert is_named(look(layout, "clock"), Code.CLOCK_WRONG)


def test_a_place_of_volumes_that_nobody_can_read(layout: Layout) -> None:
    layout.host_settings.write_text("volumes = 3")
    assert is_named(look(layout, "volumes"), Code.VOLUMES_UNUSABLE)


def test_a_share_that_keeps_no_locks(layout: Layout) -> None:
    share = layout.root / "share"
    share.mkdir()
    layout.root.chmod(0o755)
    layout.node.mkdir()
    layout.host_settings.write_text(f'[volumes]\ndirectory = "{share}"\nmount = false')
    configured = settings.parse_host(layout.host_settings.read_text())
    place = VolumePlace(layout, configured, "host-1", clock.SYSTEM)
    assert place.look(), place.problem
    assert look(layout, "volumes").ok
    (share / "host-2").mkdir()
    used = places.located(layout)
    shares.note(used, "host-2", "the share does not keep locks between machines")
    assert is_named(look(layout, "volumes"), Code.SHARE_UNFIT)


def test_a_port_of_somebody_else(layout: Layout) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        held = settings.Settings(ports=settings.Ports(services=other.getsockname()[1], agents=0))
        found = doctor.judge(OWN["ports"], ownchecks.Patient(layout, held, None))
    assert is_named(found, Code.PORT_TAKEN)


def test_a_cloud_that_is_there_and_has_nothing(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, DescribeHosts={"Hosts": []})
    monkeypatch.setattr(client, "serves_objects", bool)
    for subject, code in (
        ("acceleration", Code.KVM_UNPROVED),
        ("daemons", Code.DAEMON_DOWN),
        ("host", Code.HOST_TROUBLED),
        ("routes", Code.ROUTE_MISSING),
    ):
        assert is_named(look(layout, subject, RUNS), code), subject


def test_objects_that_nobody_serves(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def serves(_access: object) -> bool:
        return False

    monkeypatch.setattr(client, "serves_objects", serves)
    assert is_named(look(layout, "object store", RUNS), Code.OBJECTS_SILENT)


def test_a_rotation_without_an_end(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    one = {"RotationId": "rotation-1", "State": "resealing", "RequestedAt": began}
    told(monkeypatch, DescribeMasterKey={"Rotations": [one], "RecordsUnderOlderKeys": 1})
    assert is_named(look(layout, "secrets", RUNS), Code.ROTATION_STUCK)


def test_front_ends_of_two_minds(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [{"Name": "fe0", "SettingsDiffer": False}, {"Name": "fe1", "SettingsDiffer": True}]
    told(monkeypatch, DescribeFrontEnds={"FrontEnds": both})
    found = look(layout, "front ends", RUNS)
    assert is_named(found, Code.FRONT_ENDS_DIFFER)


def test_a_libvirtd_that_does_not_answer(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(_layout: object, _name: str) -> status.Process:
        return status.Process(1, 1)

    monkeypatch.setattr(status, "find", find)
    assert is_named(look(layout, "libvirt"), Code.LIBVIRT_SILENT)


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every certificate ends within the hour."""

    def read(_pem: bytes) -> SimpleNamespace:
        return SimpleNamespace(ends_at=time.time() + 3600)

    monkeypatch.setattr(pki, "read_certificate", read)


@pytest.mark.usefixtures("ending")
def test_certificates_that_end(layout: Layout) -> None:
    for path in (layout.cloud_pki / "server.pem", layout.host_certificate):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("-----BEGIN CERTIFICATE-----")
    assert is_named(look(layout, "authority"), Code.AUTHORITY_ENDING)
    assert is_named(on_host(layout, "certificate"), Code.CERTIFICATE_ENDING)


def on_host(layout: Layout, subject: str) -> Finding:
    """Do one of a host's checks; of several findings the last."""
    return host.run(subject, partial(ON_HOST[subject], layout))[-1]


@pytest.mark.parametrize(
    ("servers", "code"), [((), Code.NAMES_NONE), (("192.0.2.53",), Code.NAMES_SILENT)]
)
@pytest.mark.host
def test_names_that_nobody_knows(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, servers: tuple[str, ...], code: Code
) -> None:
    def resolvers() -> tuple[str, ...]:
        return servers

    monkeypatch.setattr(uplink, "fetch_resolvers", resolvers)
    assert is_named(on_host(layout, "names"), code)


def test_files_that_are_few_or_used_up(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "FILES_PERCENT_MAX", -1)
    assert is_named(on_host(layout, "limits"), Code.FILES_FULL)
    monkeypatch.setattr(host, "OPEN_FILES_MIN", 1 << 62)
    assert is_named(on_host(layout, "limits"), Code.FILES_FEW)


@pytest.fixture
def foreign_rules() -> Iterator[None]:
    """A firewall of somebody else's."""
    hook = "type filter hook forward priority 0; policy drop;"
    process.run(["nft", f"add table ip fw {{ chain f {{ {hook} }}; }}"])
    yield
    process.run(["nft", "delete", "table", "ip", "fw"])


@pytest.mark.host
@pytest.mark.usefixtures("foreign_rules")
def test_bridges_that_ask_a_foreign_firewall(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = tmp_path / "asks"
    asks.write_text("1\n")
    monkeypatch.setattr(host, "_BRIDGES_ASK", asks)
    assert is_named(on_host(layout, "firewall"), Code.BRIDGE_FILTERED)
    asks.write_text("0\n")
    assert is_named(on_host(layout, "firewall"), Code.FIREWALL_DROPS)


def test_a_switch_without_its_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: tuple[str, ...], **_more: object) -> None:
        raise process.TimedOut(argv, 5.0)

    monkeypatch.setattr(process, "run", run)
    with pytest.raises(troubles.Trouble) as trouble:
        switchports.find("br0")
    assert trouble.value.ailments[0].code is Code.SWITCH_SILENT


def test_what_cannot_be_looked_at(layout: Layout) -> None:
    def fails(*_: object) -> str:
        raise PermissionError("not for you")

    check = ownchecks.Check("thing", fails, Code.DISK_FULL)
    patient = ownchecks.Patient(layout, settings.Settings(), None)
    assert is_named(doctor.judge(check, patient), Code.CANNOT_LOOK)
    (found,) = host.run("thing", fails)
    assert is_named(found, Code.CANNOT_LOOK)


HOST = {"HostId": "host-1", "Name": "ash", "Zone": "z", "State": "ENABLED"}
ANSWER: dict[str, Any] = {
    "Now": 1000.0,
    "CloudNow": 1000.0,
    "Findings": [],
    "Macs": [],
    "PublicAddresses": [],
}


def ask(monkeypatch: pytest.MonkeyPatch, hosts: list[dict[str, str]], answer: Any) -> set[str]:
    """The codes of what the rounds find when hosts answer so."""
    told(monkeypatch, DescribeHosts={"Hosts": hosts}, CheckHost=answer)
    found = rounds.examine(RUNS, settings.Network(), rounds.Wish())
    return {one.code for one in found if not one.ok}


def test_hosts_that_are_not_there_or_do_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, [], None) == {Code.HOSTS_NONE.value}
    refused = client.Refused("X", "no")
    assert ask(monkeypatch, [HOST], refused) == {Code.HOST_UNASKED.value}
    both = [HOST, HOST | {"HostId": "host-2", "Name": "beech"}]
    assert ask(monkeypatch, both, ANSWER) == {Code.HOST_ADDRESSLESS.value}
    late = ANSWER | {"Now": 1100.0}
    assert ask(monkeypatch, [HOST], late) == {Code.CLOCK_SKEW.value}


def test_every_code_is_caused_by_a_test_and_found_by_a_check() -> None:
    names, values = set[str](), set[str]()
    for one in TESTS.rglob("*.py"):
        text = one.read_text()
        names |= set(re.findall(r"\bCode\.([A-Z_]+)", text))
        values |= set(re.findall(r'"([a-z-]+)"', text))
    checked: set[str] = set()
    for room in ("box", "node/checks"):
        for one in (TESTS.parent / "src/mallee" / room).rglob("*.py"):
            checked |= set(re.findall(r"\bCode\.([A-Z_]+)", one.read_text()))
    assert [one.value for one in Code if not (one.name in names or one.value in values)] == []
    assert [one.value for one in Code if one.name not in checked] == []


def test_a_name_on_which_nobody_else_reaches_the_cloud_is_named(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    meant = {"cloud.test": "127.0.1.1", "localhost": "127.0.0.1", "other.test": "192.0.2.1"}

    def resolve(name: str, _port: None) -> list[Any]:
        return [(socket.AF_INET, 0, 0, "", (meant[name], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    found = {name: _listening(layout, name) for name in meant}
    assert is_named(found.pop("cloud.test"), Code.NAME_LOOPS)
    assert all(one.ok for one in found.values())


def _listening(layout: Layout, name: str) -> Finding:
    chosen = settings.Settings(listen=name)
    return doctor.judge(OWN["name"], ownchecks.Patient(layout, chosen, None))
