"""Which layers of a volume are merged next: those between which nobody tells a difference. Pure.

A layer is needed as it is, under its number, when a snapshot is its cut. Where neither of two that
lie on one another is, the upper may be taken down into the lower. A guest that runs writes the
uppermost; that one is left alone until it ends, or until the next cut makes it another.
"""

import itertools
from collections.abc import Collection, Sequence


def next_merge(
    layers: Sequence[int], needed: Collection[int], written: int | None, base: int = 0
) -> int | None:
    """Return the layer that is to be taken down into the one below it; None: none is.

    `layers` are those of the volume from the lowest to the uppermost, `needed` those that are
    snapshots' cuts, `written` that which a running guest writes, if one does. Nothing above `base`
    goes into what is not: what is above is what the next snapshot is told from.
    """
    for below, layer in itertools.pairwise(layers):
        is_told_apart = below in needed or layer in needed or below <= base < layer
        if not is_told_apart and layer != written:
            return layer
    return None


def kept_of_deleted(layers: Sequence[int], needed: Collection[int]) -> list[int]:
    """Return the layers that are left of a volume that is deleted: what its snapshots lie on."""
    highest = max((layer for layer in layers if layer in needed), default=None)
    return [] if highest is None else [layer for layer in layers if layer <= highest]
