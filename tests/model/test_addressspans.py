"""Addresses as people list them."""

import itertools
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.model.network import addressspans

NET = IPv4Network("192.0.2.0/24")


def texts(spans: tuple[range, ...]) -> list[str]:
    return [f"{IPv4Address(span[0])}-{IPv4Address(span[-1])}" for span in spans]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("192.168.3.1-192.168.3.31", "192.168.3.1", "192.168.3.31"),
        ("192.168.3.7", "192.168.3.7", "192.168.3.7"),
        ("192.168.3.0/30", "192.168.3.0", "192.168.3.3"),
    ],
)
def test_an_entry_is_read_as_people_write_it(text: str, first: str, last: str) -> None:
    assert texts((addressspans.parse(text),)) == [f"{first}-{last}"]


@pytest.mark.parametrize("text", ["192.168.3", "1.2.3.9-1.2.3.4", "1.2.3.0/33", "", "a-b"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        addressspans.parse(text)


def test_without_a_list_all_but_the_ends_are_lent() -> None:
    assert texts(addressspans.lendable(str(NET), (), (2, 1))) == ["192.0.2.2-192.0.2.254"]


def test_of_listed_ones_all_are_lent() -> None:
    listed = ("192.0.2.9-192.0.2.20", "192.0.2.0-192.0.2.3", "192.0.2.15-192.0.2.30")
    lent = addressspans.lendable(str(NET), listed, (2, 1))
    assert texts(lent) == ["192.0.2.0-192.0.2.3", "192.0.2.9-192.0.2.30"]


addresses = st.integers(int(NET.network_address), int(NET.broadcast_address))


@settings(deadline=None)
@given(st.lists(st.tuples(addresses, addresses), min_size=1, max_size=8))
def test_what_is_lent_and_what_is_beyond_make_up_the_network(ends: list[tuple[int, int]]) -> None:
    listed = tuple(f"{IPv4Address(min(pair))}-{IPv4Address(max(pair))}" for pair in ends)
    lent = addressspans.lendable(str(NET), listed, (2, 1))
    beyond = list(addressspans.beyond(str(NET), lent))
    numbers = [number for span in lent for number in span]
    numbers += [int(address) for network in beyond for address in network]
    assert sorted(numbers) == list(range(int(NET[0]), int(NET[-1]) + 1))
    assert all(left.stop < right.start for left, right in itertools.pairwise(lent))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 40), st.integers(0, 9)), max_size=6))
def test_what_is_left_of_a_span_is_in_none_of_the_others(others: list[tuple[int, int]]) -> None:
    spans = [range(start, start + length) for start, length in others]
    left = addressspans.without(range(30), spans)
    numbers = [number for number in range(30) if not any(number in span for span in spans)]
    assert [number for span in left for number in span] == numbers
    assert all(left)
    assert [addressspans.nth(left, index) for index in range(len(numbers))] == numbers
    with pytest.raises(IndexError):
        addressspans.nth(left, len(numbers))
