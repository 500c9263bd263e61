"""docs/saving.md leads where it says: a cloud is copied, spoiled, and is as it was again."""

import shutil
from pathlib import Path

import pytest
from msgspec import structs

from tests import freeports, wholecloud
from tests.clients import guides

pytestmark = pytest.mark.machine

GUIDE = Path(__file__).parents[2] / "docs/saving.md"


def test_the_guide_leads_where_it_says(tmp_path: Path) -> None:
    # What a copy knows has to be there again: the ports too.
    settings = structs.replace(wholecloud.SETTINGS, ports=freeports.ports())
    with wholecloud.fresh(settings) as cloud:
        root = cloud.layout.root
        try:
            done = guides.walk(cloud, GUIDE, tmp_path)
        finally:
            for copy in ("saved", "aside"):
                shutil.rmtree(root.with_name(f"{root.name}.{copy}"), ignore_errors=True)
    assert done.returncode == 0, done.stderr[-4000:]


def test_every_command_of_the_guide_is_run() -> None:
    found = list(guides.commands(GUIDE))
    assert len(found) > 25
    assert sum("# refused:" in command for command in found) >= 1
    assert len(GUIDE.read_text().split("```")) % 2 == 1
