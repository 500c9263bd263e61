"""The proof of KVM: its verdict is one that guests can rely on, and it is found once."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mallee.model.images.images import Blob, DirectBoot
from mallee.model.layout import Layout
from mallee.node import kvmproof
from tests import tinyimages


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    return Layout(root_dir)


def test_without_a_device_guests_are_emulated_and_it_is_said_why(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kvmproof, "DEVICE", layout.root / "no-kvm")
    verdict = kvmproof.prove(layout)
    assert verdict.acceleration == "tcg"
    assert "no /dev/kvm" in verdict.reason
    assert kvmproof.read_verdict(layout) == verdict


def test_without_a_guest_to_boot_nothing_is_remembered(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kvmproof, "DEVICE", Path("/dev/null"))
    verdict = kvmproof.prove(layout)
    assert verdict.acceleration == "tcg"
    assert str(layout.catalogue) in verdict.reason
    assert kvmproof.read_verdict(layout) is None


def test_a_verdict_holds_for_the_machine_it_was_found_on(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kvmproof, "DEVICE", layout.root / "no-kvm")
    first = kvmproof.prove(layout)
    boots: list[kvmproof.Trial] = []
    found = kvmproof.Verdict("kvm", "It runs.", "another kernel")
    layout.kvm_verdict.write_bytes(kvmproof.encode(found))
    monkeypatch.setattr(kvmproof, "_boot", lambda trial: boots.append(trial) or b"")
    assert kvmproof.prove(layout) == first
    assert boots == []


@pytest.mark.host
@pytest.mark.skipif(not os.path.exists("/dev/kvm"), reason="there is no /dev/kvm")
def test_the_tiny_guest_decides_and_is_asked_once(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    tinyimages.copy_into(layout)
    verdict = kvmproof.prove(layout)
    assert verdict.acceleration in ("kvm", "tcg")
    assert "tiny guest" in verdict.reason
    assert not (layout.node / "kvm-device").exists()

    def boot_again(_: kvmproof.Trial) -> bytes:
        raise AssertionError("it was proved already")

    monkeypatch.setattr(kvmproof, "_boot", boot_again)
    assert kvmproof.prove(layout) == verdict


@pytest.mark.host
@pytest.mark.skipif(not os.path.exists("/dev/kvm"), reason="there is no /dev/kvm")
def test_who_asks_while_it_is_proved_gets_the_same_verdict(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    tinyimages.copy_into(layout)
    boots: list[kvmproof.Trial] = []

    def boot(trial: kvmproof.Trial) -> bytes:
        boots.append(trial)
        return b""

    monkeypatch.setattr(kvmproof, "_boot", boot)
    with ThreadPoolExecutor(4) as askers:
        verdicts = set(askers.map(lambda _: kvmproof.prove(layout), range(4)))
    assert {verdict.acceleration for verdict in verdicts} == {"tcg"}
    assert len(boots) == len(verdicts) == 1


@pytest.mark.host
@pytest.mark.skipif(not os.path.exists("/dev/kvm"), reason="there is no /dev/kvm")
def test_what_keeps_qemu_from_starting_is_not_remembered(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    tinyimages.copy_into(layout)
    monkeypatch.setattr(kvmproof, "_as_qemu", lambda _: ("sh", "-c", "echo no mount >&2; exit 1"))
    verdict = kvmproof.prove(layout)
    assert verdict.acceleration == "tcg"
    assert "no mount" in verdict.reason
    assert kvmproof.read_verdict(layout) is None


@pytest.mark.parametrize(
    ("said", "acceleration", "words"),
    [
        (b"mallee-tiny: userspace\r\n", "kvm", "reached its userspace"),
        (b"Booting\r\nfailed to initialize kvm", "tcg", "failed to initialize kvm"),
        (b"", "tcg", "ended under KVM"),
    ],
)
def test_the_first_line_is_the_proof(
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    said: bytes,
    acceleration: str,
    words: str,
) -> None:
    monkeypatch.setattr(kvmproof, "_boot", lambda _: said)
    blob = Blob("a" * 64, 1, "kernel")
    trial = kvmproof.Trial(DirectBoot(blob, None, ""), Path("kernel"), None)
    verdict = kvmproof.judge(trial, "this machine")
    assert (verdict.acceleration, verdict.proved_for) == (acceleration, "this machine")
    assert words in verdict.reason
