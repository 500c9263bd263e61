"""Agents are told of front ends what they can read: else they would refuse all they are told."""

import pytest

from mallee.cloud.frontends import presence
from mallee.model.configuration.settings import Settings
from mallee.model.hosts import frontends


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("", ""),
        ("198.18.0.1", "https://198.18.0.1:8776"),
        ("fd00::1", "https://[fd00::1]:8776"),
        ("FD00:0::1", "https://[fd00::1]:8776"),
        ("fd00::1%eth0", ""),
    ],
)
def test_agents_read_where_a_front_end_is(address: str, url: str) -> None:
    told = presence.agents_url(Settings(address=address), 8776)
    assert told == url
    assert not told or frontends.ENDPOINT.fullmatch(told)
