"""Ansible's collection amazon.aws keeps images: of an instance, of a snapshot, taken away again."""

from pathlib import Path

import pytest

from tests.clients import playing
from tests.clients.identity.conftest import Person

BOOKS = Path(__file__).parent / "playbooks"

pytestmark = pytest.mark.machine


def test_a_playbook_makes_images_and_takes_them_away_once(somebody: Person) -> None:
    # The module asks for an image whenever it runs; a name that is taken is refused, as by AWS.
    books = [BOOKS / "present.yml"] + [BOOKS / "absent.yml"] * 2
    counts = playing.play(somebody, *books)
    assert [count["changed"] for count in counts] == [2, 2, 0]
