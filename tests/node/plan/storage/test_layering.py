"""Merges take down what nobody tells apart, and never what is a snapshot or is being written."""

from hypothesis import given
from hypothesis import strategies as st

from mallee.node.plan.storage import layering

LAYERS = st.integers(1, 9).map(lambda n: list(range(1, n + 1)))


@given(LAYERS, st.sets(st.integers(1, 9)), st.booleans())
def test_merging_ends_and_keeps_every_cut(
    layers: list[int], needed: set[int], is_written: bool
) -> None:
    written = layers[-1] if is_written else None
    contents = {layer: set(layers[: n + 1]) for n, layer in enumerate(layers)}
    cuts = {layer: contents[layer] for layer in layers if layer in needed}
    left = list(layers)
    while (top := layering.next_merge(left, needed, written)) is not None:
        base = left[left.index(top) - 1]
        # The lower one has from then on what the upper one had, which goes.
        contents[base] = contents.pop(top)
        left.remove(top)
    assert {layer: contents.get(layer) for layer in cuts} == cuts
    assert contents[left[-1]] == set(layers)
    assert written is None or written in left
    # Beside what is needed and written there is no more than one layer between two of them.
    assert len(left) <= 2 * len(cuts) + 2


@given(LAYERS, st.sets(st.integers(1, 9)), st.integers(0, 9))
def test_what_is_above_the_base_has_all_that_was_written_since(
    layers: list[int], needed: set[int], base: int
) -> None:
    contents = {layer: {layer} for layer in layers}
    left = list(layers)
    while (top := layering.next_merge(left, needed, None, base)) is not None:
        below = left[left.index(top) - 1]
        contents[below] |= contents.pop(top)
        left.remove(top)
    above = set().union(*(contents[layer] for layer in left if layer > base), set())
    assert above == {layer for layer in layers if layer > base}


def test_a_running_guests_layer_is_left_alone() -> None:
    assert layering.next_merge([1, 2], set(), written=2) is None
    assert layering.next_merge([1, 2], set(), written=None) == 2
    assert layering.next_merge([1, 2, 3], set(), written=3) == 2
    assert layering.next_merge([1, 2, 3], {1}, written=3) is None
    assert layering.next_merge([1, 2, 3], {2}, written=3) is None
    assert layering.next_merge([1, 2, 3, 4], {3}, written=4) == 2


def test_what_snapshots_lie_on_is_left_of_a_deleted_volume() -> None:
    assert layering.kept_of_deleted([1, 2, 4, 5], {2}) == [1, 2]
    assert layering.kept_of_deleted([1, 2, 4, 5], {4, 1}) == [1, 2, 4]
    assert layering.kept_of_deleted([1, 2], set()) == []
