"""What an administrator wants of a host: its roles and its standing.

*Roles* say what a host is there for, its *standing* how far it takes part. Placement, what hosts
are told, and the state that is shown follow from both.
"""

from enum import Enum


class Role(Enum):
    """What a host does for the cloud."""

    COMPUTE = "compute"
    """Runs instances."""
    GATEWAY = "gateway"
    """Carries packets between instances and the world for hosts that do not."""
    STORAGE = "storage"
    """Keeps volumes."""


ALL_ROLES = tuple(Role)


class Standing(Enum):
    """How far a host takes part, as its administrator wants it."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    """Takes no new instance or volume; what it has goes on."""
    DRAINING = "draining"
    """Like disabled, and its guests are moved away."""
    MAINTENANCE = "maintenance"
    """Has no guest and gets none: its administrator works on it."""
    RETIRED = "retired"
    """Is not part of the cloud any more; its certificate is refused, its record is history."""
