"""Ansible's collection amazon.aws keeps an account's identities: what is wanted is, and stays."""

from pathlib import Path

from tests.clients import playing
from tests.clients.identity.conftest import Person

BOOKS = Path(__file__).parent / "playbooks"


def test_a_playbook_makes_everything_once_and_takes_it_away_once(administrator: Person) -> None:
    assert playing.play(administrator, BOOKS / "present.yml")["changed"] >= 9
    assert playing.play(administrator, BOOKS / "present.yml")["changed"] == 0
    assert playing.play(administrator, BOOKS / "use.yml")["ignored"] == 1
    assert playing.play(administrator, BOOKS / "absent.yml")["changed"] >= 6
    assert playing.play(administrator, BOOKS / "absent.yml")["changed"] == 0
