import ipaddress
import json

import pytest

from mallee.box import ranges, steps
from mallee.kit import process
from mallee.model.configuration import settings

ROUTES = [(ipaddress.IPv4Network("203.0.113.64/28"), "203.0.113.64/28 by eth0")]


def test_the_first_range_without_a_route_is_taken() -> None:
    assert ranges.choose(ranges.PUBLIC, [], "--public-range") == "203.0.113.0/24"
    assert ranges.choose(ranges.PUBLIC, ROUTES, "--public-range") == "198.51.100.0/24"


def test_when_all_are_taken_the_cure_names_the_option() -> None:
    everywhere = [(ipaddress.IPv4Network("0.0.0.0/0"), "everything")]
    with pytest.raises(steps.Failed) as caught:
        ranges.choose(ranges.PRIVATE, everywhere, "--private-range")
    assert "--private-range" in caught.value.cure


def test_every_candidate_makes_valid_settings() -> None:
    for public in ranges.PUBLIC:
        for private in ranges.PRIVATE:
            network = settings.Network(public_range=public, private_range=private)
            settings.parse(settings.encode(settings.Settings(network=network)))


@pytest.mark.host
def test_routes_are_found_in_every_table_and_the_default_is_none() -> None:
    for line in (
        "route add 198.51.100.0/24 dev lo",
        "route add unreachable 192.0.2.0/24",
        "route add default dev lo",
        "route add 198.18.0.7/32 dev lo table 77",
    ):
        process.run(["ip", *line.split()])
    try:
        found = {str(network) for network, _ in ranges.fetch_routes()}
        assert {"198.51.100.0/24", "192.0.2.0/24", "198.18.0.7/32"} <= found
        assert "0.0.0.0/0" not in found
        json.dumps(sorted(found))
    finally:
        for line in (
            "route delete 198.51.100.0/24 dev lo",
            "route delete unreachable 192.0.2.0/24",
            "route delete default dev lo",
            "route delete 198.18.0.7/32 dev lo table 77",
        ):
            process.run(["ip", *line.split()])
