"""Ansible's collection amazon.aws keeps a volume: it is as wanted, stays so, and goes."""

from pathlib import Path

import pytest

from tests.clients import playing
from tests.clients.identity.conftest import Person

BOOKS = Path(__file__).parent / "playbooks"

pytestmark = pytest.mark.machine


def test_a_playbook_makes_a_volume_once_and_takes_it_away_once(somebody: Person) -> None:
    books = [BOOKS / "present.yml"] * 2 + [BOOKS / "absent.yml"] * 2
    counts = playing.play(somebody, *books)
    assert [count["changed"] for count in counts] == [1, 0, 1, 0]
