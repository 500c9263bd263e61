"""Ansible's collection amazon.aws keeps images: of an instance, of a snapshot, taken away again."""

from pathlib import Path

import pytest

from mallee.aws import clientfiles
from tests.clients import playing
from tests.clients.identity.conftest import Person, settle
from tests.wholecloud import Cloud

BOOKS = Path(__file__).parent / "playbooks"

pytestmark = pytest.mark.machine


@pytest.fixture
def somebody(cloud: Cloud, tmp_path: Path) -> Person:
    who = cloud.access
    bearer = clientfiles.Bearer(
        endpoint=who.endpoint,
        region=who.region,
        account_id=who.account_id,
        user_name="admin",
        access_key_id=who.access_key_id,
        secret_access_key=who.secret_access_key,
    )
    return settle(bearer, tmp_path)


def test_a_playbook_makes_images_and_takes_them_away_once(somebody: Person) -> None:
    # The module asks for an image whenever it runs; a name that is taken is refused, as by AWS.
    assert playing.play(somebody, BOOKS / "present.yml")["changed"] == 2
    assert playing.play(somebody, BOOKS / "absent.yml")["changed"] == 2
    assert playing.play(somebody, BOOKS / "absent.yml")["changed"] == 0
