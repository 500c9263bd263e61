"""docs/identity.md leads where it says: every command in it, from top to bottom, in one shell."""

from pathlib import Path

import pytest

from tests import wholecloud
from tests.clients import guides

pytestmark = pytest.mark.machine

GUIDE = Path(__file__).parents[2] / "docs/identity.md"


def test_the_guide_leads_where_it_says(tmp_path: Path) -> None:
    # A cloud of its own: it sets what holds for a whole account.
    with wholecloud.fresh() as cloud:
        done = guides.walk(cloud, GUIDE, tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]


def test_every_command_of_the_guide_is_run() -> None:
    found = list(guides.commands(GUIDE))
    assert len(found) > 50
    assert sum("# refused:" in command for command in found) >= 6
    assert len(GUIDE.read_text().split("```")) % 2 == 1
