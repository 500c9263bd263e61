"""Settings are changed with a plan and a way back, on a cloud with a second machine."""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.box import configuring, settingshistory, status, steps
from mallee.kit import process
from mallee.model.configuration import settings
from tests import freeports, secondhost, wholecloud
from tests.secondhost import Machine
from tests.wholecloud import Cloud

MALLEE = (sys.executable, "-m", "mallee.cli.main")
SOON_S = 10.0
"""Of a change that cuts a host off: it is undone then."""


@pytest.fixture(scope="module")
def wide() -> Generator[Cloud]:
    # Daemons that start again keep their ports, or everybody would be cut off.
    with wholecloud.fresh(replace(secondhost.SETTINGS, ports=freeports.ports())) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def second(wide: Cloud) -> Generator[Machine]:
    with secondhost.joined(wide) as machine:
        yield machine


def config(cloud: Cloud, *words: str) -> str:
    where = ("--root", str(cloud.layout.root))
    return process.run((*MALLEE, "config", *words, *where), timeout_s=900).text


def outcomes(cloud: Cloud) -> list[str]:
    return [entry.outcome for entry in settingshistory.entries(cloud.layout)]


def document(cloud: Cloud, tmp_path: Path, before: str, after: str) -> str:
    text = cloud.layout.settings.read_text()
    assert before in text
    path = tmp_path / "cloud.toml"
    path.write_text(text.replace(before, after))
    return str(path)


def test_a_change_is_planned_holds_and_is_taken_back(
    wide: Cloud, second: Machine, tmp_path: Path
) -> None:
    guest = wide.run()
    wide.wait_state(guest, "running")
    process_before = wide.guest_process(guest)
    wished = document(wide, tmp_path, "stop_s = 60.0", "stop_s = 45.0")
    planned = config(wide, "plan", wished)
    assert "deadlines.stop_s\t60.0\t45.0" in planned
    assert f"{secondhost.HOST}\tcalls the cloud again" in planned
    assert settings.parse(wide.layout.settings.read_text()).deadlines.stop_s == 60.0
    config(wide, "apply", wished, "--confirm", "240")
    assert "stop_s = 45.0" in config(wide, "show")
    assert outcomes(wide)[-1] == settingshistory.HOLDS
    config(wide, "rollback", "1")
    assert "stop_s = 60.0" in config(wide, "show")
    assert "roll back to 1" in config(wide, "history")
    # Guests know nothing of it.
    assert wide.guest_process(guest) == process_before
    wide.terminate(guest)


def test_a_change_that_cuts_a_host_off_undoes_itself(
    wide: Cloud, second: Machine, tmp_path: Path
) -> None:
    wished = document(wide, tmp_path, 'listen = "0.0.0.0"', 'listen = "127.0.0.1"')
    with pytest.raises(process.Failed, match=f"not heard of.*{secondhost.HOST}"):
        config(wide, "apply", wished, "--confirm", str(SOON_S))
    assert outcomes(wide)[-1].startswith("undone: not heard of")
    assert 'listen = "0.0.0.0"' in wide.layout.settings.read_text()
    wholecloud.wait_until(wide.host_is_up, wholecloud.GUEST_S, "both hosts to be back")
    assert settingshistory.read_trying(wide.layout) is None


def test_what_nobody_confirmed_is_undone_though_its_process_was_killed(
    wide: Cloud, second: Machine, tmp_path: Path
) -> None:
    wished = document(wide, tmp_path, 'listen = "0.0.0.0"', 'listen = "127.0.0.1"')
    words = (*MALLEE, "config", "apply", wished, "--root", str(wide.layout.root))
    asking = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wholecloud.wait_until(
        lambda: settingshistory.read_trying(wide.layout) is not None, wholecloud.GUEST_S, "it"
    )
    trying = settingshistory.read_trying(wide.layout)
    assert trying is not None
    status.Process(trying.pid, trying.born).signal(9)
    _, said = asking.communicate(timeout=420)
    assert asking.returncode == 1
    assert "what tried them died" in " ".join(said.split())
    assert 'listen = "0.0.0.0"' in wide.layout.settings.read_text()
    wholecloud.wait_until(wide.host_is_up, wholecloud.GUEST_S, "both hosts to be back")


def test_what_cannot_be_changed_is_refused_before_anything_is_done(
    wide: Cloud, second: Machine, tmp_path: Path
) -> None:
    known = len(outcomes(wide))
    wished = document(wide, tmp_path, 'region = "us-east-1"', 'region = "eu-west-1"')
    with pytest.raises(process.Failed, match="chosen when a cloud is made"):
        config(wide, "apply", wished)
    broken = tmp_path / "broken.toml"
    broken.write_text("[network]\npublic_range = 7\n")
    with pytest.raises(process.Failed, match="public_range"):
        config(wide, "apply", str(broken))
    same = document(wide, tmp_path, "region", "region")
    with pytest.raises(steps.Failed, match="what holds already"):
        configuring.apply_steps(wide.layout, configuring.Wish(Path(same).read_text(), "again"))[
            0
        ].do(lambda _: None)
    assert len(outcomes(wide)) == known
