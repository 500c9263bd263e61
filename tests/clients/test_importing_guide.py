"""docs/importing.md leads where it says: disks go out as files, and come in again."""

from pathlib import Path

import pytest

from tests.clients import guides
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

GUIDE = Path(__file__).parents[2] / "docs/importing.md"


def test_the_guide_leads_where_it_says(cloud: Cloud, tmp_path: Path) -> None:
    done = guides.walk(cloud, GUIDE, tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]


def test_every_command_of_the_guide_is_run() -> None:
    found = list(guides.commands(GUIDE))
    assert len(found) > 30
    assert sum("# refused:" in command for command in found) >= 3
    assert len(GUIDE.read_text().split("```")) % 2 == 1
