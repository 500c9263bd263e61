"""S3 is not said to be there while the front end that has the objects is away."""

import msgspec

from mallee.cloud.frontends import absence
from mallee.model.hosts.frontends import FrontEnd

HAS = FrontEnd(id="fe-1", name="beech", serves_objects=True, joined_at=0.0)
BRINGS = FrontEnd(id="fe-2", name="ash", joined_at=0.0)
BOTH = (HAS, BRINGS)


def test_who_has_the_objects_is_away_when_the_others_alone_are_there() -> None:
    assert absence.of_objects(BOTH, frozenset({"fe-2"})) == "beech"
    assert absence.of_objects(BOTH, frozenset({"fe-1"})) == ""
    assert absence.of_objects(BOTH, frozenset({"fe-1", "fe-2"})) == ""


def test_who_took_over_has_them() -> None:
    after = (HAS, msgspec.structs.replace(BRINGS, serves_objects=True))
    assert absence.of_objects(after, frozenset({"fe-2"})) == ""


def test_a_front_end_alone_misses_nobody() -> None:
    assert absence.of_objects((), None) == ""
    assert absence.of_objects(BOTH, None) == ""
    assert absence.of_objects((BRINGS,), frozenset({"fe-2"})) == ""
