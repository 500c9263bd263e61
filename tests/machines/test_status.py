"""Status checks look at real guests: one that answers on its wire is well, one that is cut off not.

The host's patience with a guest that was well is a minute: so long the second half takes.
"""

from typing import Any

import pytest

from tests import wholecloud
from tests.machines import guests
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

SOON_S = 2 * wholecloud.GUEST_S
AFTER_PATIENCE_S = 60.0 + SOON_S
CUT_OFF = guests.when_alone("ip link set eth0 down")


def status(cloud: Cloud, instance: str) -> dict[str, Any]:
    answer = cloud.ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"]
    return answer[0]["InstanceStatus"] if answer else {"Status": "", "Details": []}


def test_a_guest_is_well_while_it_answers(cloud: Cloud) -> None:
    with guests.launched(cloud) as instance:
        wholecloud.wait_until(
            lambda: status(cloud, instance)["Status"] == "ok", SOON_S, "the guest to answer"
        )
        cloud.ssh(instance, CUT_OFF)
        wholecloud.wait_until(
            lambda: status(cloud, instance)["Status"] == "impaired",
            AFTER_PATIENCE_S,
            "the host to lose its patience",
        )
        (detail,) = status(cloud, instance)["Details"]
        assert (detail["Name"], detail["Status"]) == ("reachability", "failed")
        assert detail["ImpairedSince"]
        state = cloud.ec2.describe_instances(InstanceIds=[instance])
        assert state["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"
