"""docs/images.md leads where it says: images of guests and snapshots, roots mended and replaced."""

from pathlib import Path

import pytest

from tests.clients import guides
from tests.clients.test_networking_guide import SSH
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

GUIDE = Path(__file__).parents[2] / "docs/images.md"


def test_the_guide_leads_where_it_says(cloud: Cloud, tmp_path: Path) -> None:
    done = guides.walk(cloud, GUIDE, tmp_path, {"ssh": SSH})
    assert done.returncode == 0, done.stderr[-4000:]


def test_every_command_of_the_guide_is_run() -> None:
    found = list(guides.commands(GUIDE))
    assert len(found) > 45
    assert sum("# refused:" in command for command in found) >= 5
    assert len(GUIDE.read_text().split("```")) % 2 == 1
