"""Ansible's collection amazon.aws keeps an account's identities: what is wanted is, and stays."""

from pathlib import Path

from tests.clients import playing
from tests.clients.identity.conftest import Person

BOOKS = Path(__file__).parent / "playbooks"


def test_a_playbook_makes_everything_once_and_takes_it_away_once(administrator: Person) -> None:
    books = [BOOKS / f"{name}.yml" for name in ("present", "present", "use", "absent", "absent")]
    made, kept, used, taken, away = playing.play(administrator, *books)
    assert made["changed"] >= 9
    assert kept["changed"] == 0
    assert used["ignored"] == 1
    assert taken["changed"] >= 6
    assert away["changed"] == 0
