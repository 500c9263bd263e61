"""Ansible's collection amazon.aws keeps a network: what is wanted is, and stays, and goes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import playing
from tests.clients.identity.conftest import Person, bearer_of, settle
from tests.cloud.running import fresh

BOOKS = Path(__file__).parent / "playbooks"


@pytest.fixture
def somebody(tmp_path: Path) -> Iterator[Person]:
    with fresh() as cloud:
        yield settle(bearer_of(cloud, cloud.admin), tmp_path)


def test_a_playbook_makes_a_network_once_and_takes_it_away_once(somebody: Person) -> None:
    books = [BOOKS / "present.yml"] * 2 + [BOOKS / "absent.yml"] * 2
    made, kept, taken, away = playing.play(somebody, *books)
    assert made["changed"] >= 11
    assert kept["changed"] == 0
    assert taken["changed"] >= 8
    assert away["changed"] == 0
