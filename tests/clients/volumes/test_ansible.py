"""Ansible's collection amazon.aws keeps a volume: it is as wanted, stays so, and goes."""

from pathlib import Path

import pytest

from tests.clients import playing
from tests.clients.identity.conftest import Person

BOOKS = Path(__file__).parent / "playbooks"

pytestmark = pytest.mark.machine


def test_a_playbook_makes_a_volume_once_and_takes_it_away_once(somebody: Person) -> None:
    assert playing.play(somebody, BOOKS / "present.yml")["changed"] == 1
    assert playing.play(somebody, BOOKS / "present.yml")["changed"] == 0
    assert playing.play(somebody, BOOKS / "absent.yml")["changed"] == 1
    assert playing.play(somebody, BOOKS / "absent.yml")["changed"] == 0
