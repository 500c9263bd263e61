"""One cloud and one guest per worker for all bad days: each must leave both whole.

A day that did not is not the next one's trouble: what is broken is replaced before the next test.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests import wholecloud
from tests.baddays import places, traces
from tests.wholecloud import Cloud

KEPT = "kept"
"""The Name tag of the guest that tests share."""


class Clouds:
    """Gives a whole cloud, the same one as long as it is whole."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._cloud: Cloud | None = None

    def whole(self) -> Cloud:
        """The cloud of this worker."""
        if self._cloud is None or not traces.is_whole(self._cloud):
            self.close()
            self._cloud = self._open.enter_context(wholecloud.fresh(places.SHARED))
        return self._cloud

    def close(self) -> None:
        """Destroy the cloud, if there is one."""
        self._cloud = None
        self._open.close()


@pytest.fixture(scope="session")
def clouds() -> Iterator[Clouds]:
    """The worker's clouds."""
    kept = Clouds()
    try:
        yield kept
    finally:
        kept.close()


@pytest.fixture
def cloud(clouds: Clouds) -> Cloud:
    """A cloud in which everything works; leave it so, with no instance but the shared guest."""
    return clouds.whole()


@pytest.fixture
def guest(cloud: Cloud) -> str:
    """A running guest that answers SSH; leave it so."""
    wanted = [
        {"Name": "tag:Name", "Values": [KEPT]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    found = cloud.ec2.describe_instances(Filters=wanted)["Reservations"]
    if found:
        instance = found[0]["Instances"][0]["InstanceId"]
    else:
        tags = [{"Key": "Name", "Value": KEPT}]
        instance = cloud.run(
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
            MetadataOptions={"HttpTokens": "optional"},
        )
    cloud.ssh(instance, "true")
    return instance
