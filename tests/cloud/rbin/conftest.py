"""What the tests of the recycle bin's rules begin with: the world of EC2's tests."""

from typing import Any

import pytest

from tests.cloud.ec2.conftest import administration as administration
from tests.cloud.ec2.conftest import alice as alice
from tests.cloud.ec2.conftest import bob as bob
from tests.cloud.ec2.conftest import front as front
from tests.cloud.ec2.conftest import iam as iam
from tests.cloud.ec2.conftest import settings as settings
from tests.cloud.ec2.conftest import world as world
from tests.cloud.ec2.world import Front, World


@pytest.fixture
def rbin(front: Front, world: World) -> Any:
    """The rules, for Alice."""
    return front.client("alice", "rbin")
