import datetime
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mallee.box import doctor, ownchecks, owners, ranges, requirements, steps
from mallee.kit import process
from mallee.model.configuration import settings
from mallee.model.layout import Layout
from mallee.model.network import classic, modes
from mallee.node.do.storage import places


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    """A root with settings and no cloud."""
    layout = Layout(root_dir)
    chosen = settings.Settings(ports=settings.Ports(services=0, agents=0))
    layout.settings.write_text(settings.encode(chosen))
    return layout


def _finding(layout: Layout, subject: str) -> doctor.Finding:
    return next(one for one in doctor.examine(layout) if one.subject == subject)


def test_every_trouble_has_a_cause_and_a_cure(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    wrong = [one for one in doctor.examine(layout) if not one.ok]
    assert wrong
    assert all(one.cause and one.cure for one in wrong)


def test_programs_that_are_missing_are_named_with_their_packages(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements.shutil, "which", lambda name: None if name == "nft" else name)
    found = _finding(layout, "machine")
    assert not found.ok
    assert "nftables" in found.cure
    assert "qemu" not in found.cure


def test_settings_that_cannot_be_read_are_the_one_finding(layout: Layout) -> None:
    layout.settings.write_text("zone = [")
    (found,) = doctor.examine(layout)
    assert not found.ok
    assert str(layout.settings) in found.cure


def test_a_port_that_somebody_has_is_found(layout: Layout) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        held = settings.Settings(ports=settings.Ports(services=port, agents=0))
        layout.settings.write_text(settings.encode(held))
        found = _finding(layout, "ports")
    assert not found.ok
    assert str(port) in found.cause


@pytest.mark.host
def test_a_route_into_our_range_is_found(layout: Layout, foreign_route: str) -> None:
    found = _finding(layout, "address ranges")
    assert not found.ok
    assert foreign_route in found.cause


@pytest.fixture
def foreign_route() -> Iterator[str]:
    """A route of somebody else's into the public range."""
    route = "203.0.113.128/25"
    process.run(["ip", "route", "add", route, "dev", "lo"])
    yield route
    process.run(["ip", "route", "delete", route, "dev", "lo"])


@pytest.mark.host
def test_our_own_routes_are_no_clash(layout: Layout) -> None:
    link = layout.host_link
    process.run(["ip", "link", "add", link, "type", "veth", "peer", "name", f"{link}x"])
    try:
        process.run(["ip", "link", "set", link, "up"])
        process.run(["ip", "route", "add", "203.0.113.0/24", "dev", link])
        process.run(["ip", "route", "add", "unreachable", "203.0.113.0/24", "metric", "4000"])
        process.run(["ip", "route", "add", "unreachable", "172.31.0.0/16", "metric", "4000"])
        assert len(ranges.fetch_routes()) >= 3
        assert _finding(layout, "address ranges").ok
    finally:
        process.run(["ip", "link", "delete", link])
        process.run(["ip", "route", "flush", "type", "unreachable"])


@pytest.mark.host
@pytest.mark.parametrize("mode", ["managed", "managed-novlan"])
def test_public_addresses_of_the_lan_are_no_clash(
    layout: Layout, foreign_route: str, mode: str
) -> None:
    table = 'device = "br0"\nsubnet = "10.10.0.0/16"'
    layout.settings.write_text(f'network.mode = "{mode}"\n[network.classic]\n{table}\n')
    found = _finding(layout, "address ranges")
    assert found.ok
    assert "10.10.0.0/16" in found.text


@pytest.mark.host
@pytest.mark.parametrize("mode", ["managed", "managed-novlan"])
def test_the_safety_net_of_a_classic_mode_is_its_subnets(mode: modes.Mode) -> None:
    network = settings.Network(mode=mode, classic=classic.Classic(subnet="10.10.0.0/16"))
    access = cast(Any, object())
    patient = ownchecks.Patient(Layout(Path("/x")), settings.Settings(network=network), access)
    with pytest.raises(steps.Failed, match=r"10\.10\.0\.0/16 do not stand"):
        ownchecks._safety_net(patient)
    process.run(["ip", "route", "add", "unreachable", "10.10.0.0/16", "metric", "4000"])
    try:
        assert "stand" in ownchecks._safety_net(patient)
    finally:
        process.run(["ip", "route", "flush", "type", "unreachable"])


def test_a_machine_without_a_cloud_is_well(layout: Layout) -> None:
    subjects = ("daemons", "libvirt", "host", "routes", "leftovers", "ports")
    assert [one.subject for one in doctor.examine(layout) if one.subject in subjects and one.ok]


def test_a_rotation_that_does_not_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    age_s = 0.0
    state = "resealing"

    def call(*_: object) -> dict[str, Any]:
        asked_at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age_s)
        rotation = {"RotationId": "rotation-1", "State": state, "RequestedAt": asked_at}
        return {
            "KeyId": "ab",
            "OlderKeyIds": ["cd"],
            "RecordsUnderOlderKeys": 1,
            "Rotations": [rotation],
        }

    monkeypatch.setattr(doctor.client, "call", call)
    patient = ownchecks.Patient(Layout(Path("/x")), settings.Settings(), cast(Any, object()))
    assert ownchecks._secrets(patient) == "under master key ab, 1 older for sessions"
    age_s = ownchecks.ROTATION_S_MAX + 1
    with pytest.raises(steps.Failed, match="rotation-1"):
        ownchecks._secrets(patient)
    state = "waiting"
    assert "1 older" in ownchecks._secrets(patient)


def test_a_place_of_volumes_that_is_away_is_told(root_dir: Path) -> None:
    layout, at = Layout(root_dir / "root"), root_dir / "srv"
    for path in (layout.node, at):
        path.mkdir(parents=True)
    layout.host_settings.write_text(f'[volumes]\ndirectory = "{at}"\nmount = false\n')
    assert _finding(layout, "volumes").ok
    wanted = settings.Volumes(directory=str(at), mount=False)
    places.ensure(places.choose(layout, wanted, "host-1"), wanted, "host-1")
    found = _finding(layout, "volumes")
    assert (found.ok, found.text) == (True, f"in {at}/host-1/volumes")
    (at / "host-1").rename(at / "elsewhere")
    found = _finding(layout, "volumes")
    assert not found.ok
    assert "has not the volumes" in found.cause
    layout.host_settings.unlink()
    assert "the settings want them" in _finding(layout, "volumes").cause


def test_directories_of_another_mode_are_found_and_put_right(layout: Layout) -> None:
    owners.ensure_user()
    owners.ensure_directories(layout)
    assert _finding(layout, "directories").ok
    layout.node_pki.chmod(0o755)
    found = _finding(layout, "directories")
    assert str(layout.node_pki) in found.cause
    (step,) = doctor.fixes(layout, [found])
    step.do(lambda line: None)
    assert _finding(layout, "directories").ok


def test_nothing_is_put_right_that_is_well(layout: Layout) -> None:
    assert doctor.fixes(layout, doctor.examine(layout)) == ()
