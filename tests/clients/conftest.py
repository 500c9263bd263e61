"""Who the clients of this folder speak for, where a whole cloud with guests is asked."""

from pathlib import Path

import pytest

from mallee.aws import clientfiles
from tests.clients.identity.conftest import Person, settle
from tests.wholecloud import Cloud


@pytest.fixture
def somebody(cloud: Cloud, tmp_path: Path) -> Person:
    """The first account's administrator, with his credentials unpacked at home."""
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
