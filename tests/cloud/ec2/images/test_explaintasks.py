"""How `explain` tells of tasks: their state, why they are in it, and what stands against them."""

from collections.abc import Callable
from typing import Any

from mallee.model.storage.transfers import Phase, TransferSeen
from tests.cloud.ec2.images.test_imports import FILE, told
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, World


def test_an_import_says_how_far_it_is_and_why_it_came_to_nothing(
    world: World, bob: Any, host: FakeHost, administration: Administration
) -> None:
    id = bob.import_snapshot(DiskContainer={"UserBucket": FILE})["ImportTaskId"]
    told(world, host, id, TransferSeen(phase=Phase.WORKING, words="converting", percent=40))
    before = administration.bob.ask("mallee", "ExplainResource", ResourceId=id)
    assert (before.element("State"), before.element("Why")) == ("active", "converting")
    told(world, host, id, TransferSeen(phase=Phase.FAILED, words="it is cut off"))
    after = administration.bob.ask("mallee", "ExplainResource", ResourceId=id)
    assert after.element("State") == "deleted"
    assert "it is cut off" in after.element("Why")
    assert "it is cut off" in after.element("Cause")


def test_a_snapshot_of_no_volume_names_none(
    of_snapshot: Callable[..., tuple[str, str]], administration: Administration
) -> None:
    _, id = of_snapshot()
    why = administration.bob.ask("mallee", "ExplainResource", ResourceId=id).element("Why")
    assert why == "the object store has what was copied, imported, or written to it block by block"
