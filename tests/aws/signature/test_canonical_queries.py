"""Queries are canonical in one way or in two, and the quick look agrees with the long one."""

from hypothesis import given
from hypothesis import strategies as st

from mallee.aws.signature import canonical


@given(st.text(st.sampled_from("aZ09-_.~%&=+ /2FfE9é4115D"), max_size=40))
def test_quick_look_finds_what_the_long_one_does(raw: str) -> None:
    both = {canonical.raw_query(raw), canonical.encoded_query(raw)}
    assert set(canonical.queries(raw)) == both


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5))))
def test_encoded_queries_are_canonical_as_they_are(pairs: list[tuple[str, str]]) -> None:
    raw = "&".join(f"{canonical.encode(name)}={canonical.encode(value)}" for name, value in pairs)
    assert canonical.queries(raw) == (canonical.raw_query(raw),)
