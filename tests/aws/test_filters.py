import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.aws import filters

alphabet = st.text("abAB.-", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("web", "web", True),
        ("web", "Web", False),
        ("web*", "web-1", True),
        ("*", "", True),
        ("w?b", "web", True),
        ("w?b", "wb", False),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        (r"a\?", "a?", True),
        (r"a\\b", r"a\b", True),
        ("a\\", "a\\", True),
        ("a.b", "axb", False),
        ("a*", "a\nb", True),
        ("[ab]", "a", False),
    ],
)
def test_patterns_are_those_of_ec2(pattern: str, value: str, fits: bool) -> None:
    assert filters.matches([value], [pattern]) is fits


def test_any_value_and_any_pattern_will_do_and_none_never_does() -> None:
    assert filters.matches(["a", "b"], ["x", "b"])
    assert not filters.matches([], ["*"])
    assert not filters.matches(["a"], [])


@given(st.text("ab*?", max_size=8), alphabet)
def test_without_escapes_patterns_are_those_of_fnmatch(pattern: str, value: str) -> None:
    assert filters.matches([value], [pattern]) == fnmatch.fnmatchcase(value, pattern)


@given(st.text(max_size=10))
def test_a_text_with_everything_escaped_fits_itself(text: str) -> None:
    pattern = "".join("\\" + character for character in text)
    assert filters.matches([text], [pattern])


def test_many_stars_do_not_hold_up_the_server() -> None:
    # With a backtracking matcher this would not end before the sun does.
    assert not filters.matches(["a" * 200], ["*" * 50 + "b"])
    assert not filters.matches(["a" * 255], ["*a" * 20 + "b"])
    assert not filters.matches(["a" * 255], ["*" + "?a" * 40 + "?b*c"] * 200)
