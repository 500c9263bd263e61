"""Which images the cache gives up."""

import pytest

from mallee.node.plan.storage import eviction
from mallee.node.plan.storage.eviction import Room, Unneeded

GIB = 1 << 30
NOW = 100 * 86_400.0
OLD = Unneeded("old", GIB, NOW - 40 * 86_400)
FORMER = Unneeded("former", GIB, NOW - 86_400)
LATER = Unneeded("later", GIB, NOW - 60)


@pytest.mark.parametrize(
    ("free_gib", "wanted_gib", "going"),
    [
        (50, 0, ["old"]),
        (10, 0, ["old"]),
        (9, 0, ["old"]),
        (8, 0, ["old", "former"]),
        (0, 0, ["old", "former", "later"]),
        (50, 39, ["old"]),
        (50, 42, ["old", "former"]),
    ],
)
def test_the_longest_unused_go_until_there_is_room(
    free_gib: int, wanted_gib: int, going: list[str]
) -> None:
    room = Room(100 * GIB, free_gib * GIB)
    chosen = eviction.choose([LATER, OLD, FORMER], room, NOW, wanted_gib * GIB)
    assert [image.name for image in chosen] == going
