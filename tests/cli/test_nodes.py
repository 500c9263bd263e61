"""Words that are secret, said in a file: an invitation, a database's address."""

from pathlib import Path

import pytest

from mallee.box import steps
from mallee.cli.machines import nodes


def test_a_word_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "invitation"
    path.write_text("abc\n")
    assert nodes.read_word(f"@{path}", "the invitation:") == "abc\n"
    assert nodes.read_word("abc", "the invitation:") == "abc"


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"\xff\xfe", "it is no text")]
)
def test_a_file_that_holds_no_word_is_named(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    path = tmp_path / "invitation"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(steps.Failed) as refused:
        nodes.read_word(f"@{path}", "the invitation:")
    assert refused.value.cause == f"{path} cannot be read: {why}"
