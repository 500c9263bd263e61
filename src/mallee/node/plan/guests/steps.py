"""The steps of an instance's plan: frozen values that say what to do next on this host.

A plan is a tuple of steps, printable and comparable. Each class says in one line why doing it
twice is safe, because a crash may come after any step and the next plan may begin with it again.
`plan.instances` makes plans, `node.reconcile` executes them; a step does nothing by itself.
"""

from dataclasses import dataclass
from typing import ClassVar

from mallee.model.hosts.hosts import InterfaceWanted
from mallee.model.images.images import Blob
from mallee.model.storage.volumes import Limits
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.domain import DomainSpec, Nic


@dataclass(frozen=True, slots=True)
class FetchImage:
    """Bring a blob into the image cache. Twice is safe: a blob that is there is left as it is."""

    blob: Blob
    words: ClassVar[str] = "fetching the image"


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """Make the instance's directory. Twice is safe: one that is there gets the same rights."""

    instance_id: str
    words: ClassVar[str] = "making the instance's directory"


@dataclass(frozen=True, slots=True)
class CloneDisk:
    """Make the disk over its image. Twice is safe: made aside and renamed, never over a disk."""

    instance_id: str
    image: Blob
    size_gib: int
    words: ClassVar[str] = "cloning the disk"


@dataclass(frozen=True, slots=True)
class CreateTap:
    """Make an interface's tap. Twice is safe: one that no guest holds is replaced by a new one."""

    interface: InterfaceWanted
    words: ClassVar[str] = "making the network interface"


@dataclass(frozen=True, slots=True)
class DefineDomain:
    """Define the domain of a launch. Twice is safe: it replaces the definition of the same UUID."""

    spec: DomainSpec
    words: ClassVar[str] = "defining the domain"


@dataclass(frozen=True, slots=True)
class StartPaused:
    """Start the domain paused. Twice is safe: one that is active is left as it is."""

    instance_id: str
    words: ClassVar[str] = "starting the hypervisor"


@dataclass(frozen=True, slots=True)
class Plug:
    """Move the tap to its VPC and configure it. Twice is safe: a plugged tap is set up again."""

    interface: InterfaceWanted
    words: ClassVar[str] = "connecting the network interface"


@dataclass(frozen=True, slots=True)
class AttachNic:
    """Put a card into a running guest. Twice is safe: a card with that MAC is there already."""

    instance_id: str
    nic: Nic
    device_index: int
    words: ClassVar[str] = "attaching the network interface"


@dataclass(frozen=True, slots=True)
class DetachNic:
    """Ask a running guest to give up a card. Twice is safe: one that is gone stays gone."""

    instance_id: str
    nic: Nic
    words: ClassVar[str] = "waiting for the guest to let go of a network interface"


@dataclass(frozen=True, slots=True)
class AttachDisk:
    """Put a volume into a running guest. Twice is safe: one that the guest has is left as it is."""

    instance_id: str
    disk: Disk
    limits: Limits
    words: ClassVar[str] = "attaching the volume"


@dataclass(frozen=True, slots=True)
class DetachDisk:
    """Ask a running guest to give up a volume. Twice is safe: one that is gone stays gone."""

    instance_id: str
    disk: Disk
    words: ClassVar[str] = "waiting for the guest to let go of a volume"


@dataclass(frozen=True, slots=True)
class TearOutDisk:
    """Take a volume from a running guest that does not give it up. Twice is safe."""

    instance_id: str
    disk: Disk
    words: ClassVar[str] = "taking a volume away from the guest"


@dataclass(frozen=True, slots=True)
class Resume:
    """Let the guest run. Twice is safe: a guest that runs is left as it is."""

    instance_id: str
    words: ClassVar[str] = "starting the guest"


@dataclass(frozen=True, slots=True)
class ShutDown:
    """Press the power button. Twice is safe: a guest that is powering off ignores the button."""

    instance_id: str
    words: ClassVar[str] = "waiting for the guest to power off"


@dataclass(frozen=True, slots=True)
class Destroy:
    """Switch the guest off. Twice is safe: one that is off is left as it is."""

    instance_id: str
    words: ClassVar[str] = "switching the guest off"


@dataclass(frozen=True, slots=True)
class Reboot:
    """Ask the guest to reboot. Twice is safe: a guest that is going down ignores the button."""

    instance_id: str
    words: ClassVar[str] = "waiting for the guest to reboot"


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the guest's machine. Twice is safe: it boots again, which is what was asked for."""

    instance_id: str
    words: ClassVar[str] = "resetting the guest"


@dataclass(frozen=True, slots=True)
class Undefine:
    """Forget the domain. Twice is safe: a domain that is unknown stays so."""

    instance_id: str
    words: ClassVar[str] = "removing the domain"


@dataclass(frozen=True, slots=True)
class RemoveTap:
    """Remove an interface's tap. Twice is safe: a tap that is gone stays so."""

    interface_id: str
    words: ClassVar[str] = "removing the network interface"


@dataclass(frozen=True, slots=True)
class RemoveDirectory:
    """Delete the instance's directory with its disk, save the end of what it said to its console.
    Twice is safe: what is gone stays so, and what is kept too."""

    instance_id: str
    words: ClassVar[str] = "deleting the disk"


@dataclass(frozen=True, slots=True)
class MoveToLost:
    """Put a directory that no one claims aside. Twice is safe: moved once, it is not there."""

    instance_id: str
    words: ClassVar[str] = "putting an unclaimed disk aside"


Step = (
    FetchImage
    | MakeDirectory
    | CloneDisk
    | CreateTap
    | DefineDomain
    | StartPaused
    | Plug
    | AttachNic
    | DetachNic
    | AttachDisk
    | DetachDisk
    | TearOutDisk
    | Resume
    | ShutDown
    | Destroy
    | Reboot
    | Reset
    | Undefine
    | RemoveTap
    | RemoveDirectory
    | MoveToLost
)
Plan = tuple[Step, ...]
