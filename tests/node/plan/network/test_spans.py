"""Disjoint spans cover what overlapping ones cover, and no two of them meet."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from mallee.node.plan.network import spans
from mallee.node.plan.network.spans import Span

NETWORKS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "11.0.0.0/8")
ADDRESSES = ("10.1.2.3", "10.1.2.4", "10.1.3.1", "10.9.9.9", "11.1.1.1", "12.0.0.1")

SPANS = st.builds(
    lambda key, ends, network: Span(key, min(ends), max(ends), spans.parse_range(network)),
    st.sampled_from(["tcp", "udp"]),
    st.tuples(st.integers(0, 20), st.integers(0, 20)),
    st.sampled_from(NETWORKS),
)


@given(st.lists(SPANS, max_size=12))
def test_each_number_of_each_address_is_covered_once_if_it_was_at_all(held: list[Span]) -> None:
    pieces = spans.disjoint(held)
    for key in ("tcp", "udp"):
        for text in ADDRESSES:
            address = int(ip_address(text))
            for number in range(21):
                packet = (key, number, address)
                covered = any(_covers(one, packet) for one in held)
                assert sum(_covers(one, packet) for one in pieces) == covered


def _covers(span: Span, packet: tuple[str, int, int]) -> bool:
    key, number, address = packet
    is_within = span.network.first <= address <= span.network.last
    return span.key == key and span.low <= number <= span.high and is_within


@given(st.ip_addresses(), st.data())
def test_ranges_are_read_as_everybody_reads_them(
    address: IPv4Address | IPv6Address, data: st.DataObject
) -> None:
    length = data.draw(st.integers(0, address.max_prefixlen))
    known = ip_network(f"{address}/{length}", strict=False)
    held = spans.parse_range(f"{address}/{length}")
    assert (held.first, held.last) == (int(known[0]), int(known[-1]))
    assert ip_network(held.text()) == known
