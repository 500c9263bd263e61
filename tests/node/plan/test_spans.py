"""Disjoint spans cover what overlapping ones cover, and no two of them meet."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from mallee.node.plan import spans
from mallee.node.plan.spans import Span

NETWORKS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "11.0.0.0/8")
ADDRESSES = ("10.1.2.3", "10.1.2.4", "10.1.3.1", "10.9.9.9", "11.1.1.1", "12.0.0.1")

SPANS = st.builds(
    lambda key, ends, network: Span(key, min(ends), max(ends), ip_network(network)),
    st.sampled_from(["tcp", "udp"]),
    st.tuples(st.integers(0, 20), st.integers(0, 20)),
    st.sampled_from(NETWORKS),
)


@given(st.lists(SPANS, max_size=12))
def test_each_number_of_each_address_is_covered_once_if_it_was_at_all(held: list[Span]) -> None:
    pieces = spans.disjoint(held)
    for key in ("tcp", "udp"):
        for text in ADDRESSES:
            address = ip_address(text)
            for number in range(21):
                covered = any(_covers(one, key, number) and address in one.network for one in held)
                hits = [
                    one for one in pieces if _covers(one, key, number) and address in one.network
                ]
                assert len(hits) == covered


def _covers(span: Span, key: str, number: int) -> bool:
    return span.key == key and span.low <= number <= span.high
