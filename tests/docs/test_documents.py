"""What can drift is tested: documents name only what is there."""

import re
from pathlib import Path

TOP = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "SPECIFICATION.md", "CONTRIBUTING.md", "GLOSSARY.md")


def test_glossary_is_alphabetical_and_names_each_word_once() -> None:
    words = re.findall(r"^- \*\*([^*]+)\*\*:", (TOP / "GLOSSARY.md").read_text(), re.M)
    assert words == sorted(set(words), key=str.lower)


def test_every_path_that_a_document_names_exists() -> None:
    missing: list[str] = []
    pages = [TOP / name for name in DOCUMENTS] + sorted((TOP / "docs").glob("*.md"))
    for page in pages:
        for path in re.findall(
            r"`((?:src|tests|bench|tools|docs|design)/[\w./-]+)`", page.read_text()
        ):
            if not (TOP / path).exists():
                missing.append(f"{page.name}: {path}")
    assert missing == []


def test_every_promise_names_what_keeps_it() -> None:
    text = (TOP / "SPECIFICATION.md").read_text()
    promises = re.findall(r"^\| (\d+) \|.*\| (.+?) \|$", text, re.M)
    numbers = [int(number) for number, _ in promises]
    assert numbers == list(range(1, len(numbers) + 1))
    for number, kept_by in promises:
        named = re.findall(r"`((?:tests|bench)/[\w./-]+)(?:::(\w+))?`", kept_by)
        assert named, f"promise {number} names nothing that keeps it"
        for path, function in named:
            assert (TOP / path).exists(), f"promise {number}: {path} does not exist"
            if function:
                source = (TOP / path).read_text()
                assert f"def {function}(" in source, f"promise {number}: {path}::{function}"
