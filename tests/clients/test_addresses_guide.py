"""docs/addresses.md leads where it says: a campus planned, and parts of it handed out."""

from pathlib import Path

from tests.clients import guides
from tests.cloud.running import fresh

GUIDE = Path(__file__).parents[2] / "docs/addresses.md"


def test_the_guide_leads_where_it_says(tmp_path: Path) -> None:
    with fresh() as cloud:
        done = guides.walk(cloud, GUIDE, tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]


def test_every_command_of_the_guide_is_run() -> None:
    found = list(guides.commands(GUIDE))
    assert len(found) > 30
    assert sum("# refused:" in command for command in found) >= 4
