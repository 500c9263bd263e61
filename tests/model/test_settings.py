"""The settings document: checked whole, and written as it is read."""

import pytest

from mallee.model import settings
from mallee.model.settings import InvalidSettings, Network, Settings


def test_what_is_written_is_read_again() -> None:
    chosen = Settings(network=Network("192.168.3.0/24", public_addresses=("192.168.3.7",)))
    assert settings.parse(settings.encode(chosen)) == chosen


@pytest.mark.parametrize(
    ("listed", "cause"),
    [
        ('["192.168.4.1"]', "not within"),
        ('["192.168.3.9-192.168.3.4"]', "ends before"),
        ('["gateway"]', "gateway"),
        ('"192.168.3.7"', "array"),
    ],
)
def test_a_list_of_public_addresses_must_make_sense(listed: str, cause: str) -> None:
    text = f'[network]\npublic_range = "192.168.3.0/24"\npublic_addresses = {listed}\n'
    with pytest.raises(InvalidSettings, match=cause):
        settings.parse(text)
