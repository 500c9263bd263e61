"""What policies are made of in these tests."""

import time
from typing import Any

DAY_S = 86_400.0
AT = f"{(time.gmtime().tm_hour + 12) % 24:02}:00"
"""When schedules are due: never while a test lets some minutes pass."""


def schedule(**more: Any) -> dict[str, Any]:
    """A schedule: once a day, half a day from now; the last two are kept."""
    return {
        "Name": "daily",
        "CreateRule": {"Interval": 24, "IntervalUnit": "HOURS", "Times": [AT]},
        "RetainRule": {"Count": 2},
        **more,
    }


def details(*schedules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Snapshots of the volumes that are tagged."""
    return {
        "ResourceTypes": ["VOLUME"],
        "TargetTags": [{"Key": "backup", "Value": "yes"}],
        "Schedules": list(schedules) or [schedule()],
        **more,
    }


def make(dlm: Any, role: str, wanted: dict[str, Any] | None = None, **more: Any) -> str:
    """Make a policy; return its id."""
    asked = {
        "ExecutionRoleArn": role,
        "Description": "keep the last ones",
        "State": "ENABLED",
        "PolicyDetails": wanted or details(),
        **more,
    }
    return dlm.create_lifecycle_policy(**asked)["PolicyId"]


def shown(dlm: Any, policy: str) -> dict[str, Any]:
    """A policy as it is shown."""
    return dlm.get_lifecycle_policy(PolicyId=policy)["Policy"]
