"""A run over several workers begins with its longest files, and the table of them is no older."""

from pathlib import Path

from tests import longest

ROOT = Path(__file__).parents[2]


def test_every_long_file_is_there_once() -> None:
    named = (*longest.FILES, *longest.SHARERS)
    assert [path for path in named if not (ROOT / path).is_file()] == []
    assert len(set(named)) == len(named)


def test_long_files_come_first_and_then_those_of_most_tests() -> None:
    sharer = longest.SHARERS[0]
    counts = {"tests/one.py": 1, sharer: 2, "tests/many.py": 900}
    counts |= {longest.FILES[1]: 2, longest.FILES[0]: 1}
    order = sorted(counts, key=lambda path: longest.rank(path, counts[path]))
    assert order == [*longest.FILES[:2], "tests/many.py", sharer, "tests/one.py"]


def test_the_whole_run_keeps_that_order() -> None:
    assert "--no-loadscope-reorder" in (ROOT / "test").read_text()
