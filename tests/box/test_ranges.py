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


@pytest.mark.host
def test_a_part_of_the_hosts_own_network_may_be_lent_where_no_machine_of_it_is() -> None:
    for line in (
        "link add lan0 type bridge",
        "address add 192.0.2.5/24 dev lan0",
        "link set lan0 up",
        "route add default via 192.0.2.1 dev lan0",
    ):
        process.run(["ip", *line.split()])
    try:
        routes = ranges.fetch_routes()

        def stands(text: str) -> str | None:
            return ranges.clash(text, ranges.lendable(text, routes))

        assert stands("192.0.2.128/25") is None
        assert ranges.clash("192.0.2.128/25", routes) == "192.0.2.0/24 by lan0"
        assert stands("192.0.2.0/25") is not None
        assert stands("192.0.2.0/30") == "192.0.2.1, a router of this host"
        assert stands("192.0.2.0/24") is not None
        assert stands("192.0.0.0/16") is not None
    finally:
        process.run(["ip", "link", "delete", "lan0"])
