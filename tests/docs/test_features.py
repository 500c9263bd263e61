"""docs/features.md may not claim what no test keeps."""

import re
from pathlib import Path

TOP = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-I]\d+) \| (.+?) \| (done|partly.*?|not yet) \| (.*?) ?\|$")


def rows() -> list[tuple[str, str, str]]:
    lines = (TOP / "docs/features.md").read_text().splitlines()
    matches = [ROW.match(line) for line in lines if re.match(r"^\| [A-I]\d", line)]
    assert all(matches), "a row of the table is not in the form of the others"
    return [(m[1], m[3], m[4]) for m in matches if m]


def test_every_row_of_the_map_is_there_once() -> None:
    names = [name for name, _, _ in rows()]
    assert len(names) == len(set(names)) == 70


def test_a_row_that_claims_something_names_a_test_that_exists() -> None:
    for name, state, kept_by in rows():
        paths = re.findall(r"`(tests/[^`]+|bench/[^`]+)`", kept_by)
        if state == "not yet":
            assert not paths, f"{name} is not there yet but names a test"
            continue
        assert paths, f"{name} is {state} but names no test"
        for path in paths:
            assert (TOP / path).exists(), f"{name} names {path}, which does not exist"
