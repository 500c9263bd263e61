"""What the doctor can find wrong: each ailment has a code that never changes its meaning.

Programs read codes (`mallee doctor --json`), people look them up in the administrators' page
`docs/when-it-does-not-work.md`. A code that is not needed any
more is never used for something else. Named by whoever judges:
`box.doctor` and `box.diagnosis` of machines and the ways between them, `node.checks` of a host.
"""

from dataclasses import dataclass
from enum import Enum


class Code(Enum):
    """What is wrong, as programs read it."""

    # A machine
    SETTINGS_UNREADABLE = "settings-unreadable"
    """The settings document is wrong."""
    MACHINE_INCOMPLETE = "machine-incomplete"
    """Programs or rights that a host needs are missing."""
    DIRECTORIES_WRONG = "directories-wrong"
    """Directories below the root have another owner or mode than they should."""
    CLOCK_WRONG = "clock-wrong"
    """The machine's clock cannot be right."""
    DISK_FULL = "disk-full"
    """Hardly any disk is free where the cloud or the host keeps its own."""
    VOLUMES_UNUSABLE = "volumes-unusable"
    """The place of the host's volumes is away, or is another host's."""
    MEMORY_SHORT = "memory-short"
    """Hardly any memory is free."""
    KVM_UNPROVED = "kvm-unproved"
    """It is not known whether guests may run by KVM, so they are emulated."""
    RANGE_ROUTED = "range-routed"
    """A host has a route of somebody else into one of the cloud's ranges."""
    PORT_TAKEN = "port-taken"
    """Another program has one of the cloud's ports."""
    DAEMON_DOWN = "daemon-down"
    """A daemon does not run, or ends again and again."""
    LIBVIRT_SILENT = "libvirt-silent"
    """The host's libvirtd does not answer."""
    HOST_TROUBLED = "host-troubled"
    """The cloud has no host that works, or one of them says that something is wrong with it."""
    OBJECTS_SILENT = "objects-silent"
    """S3 does not answer."""
    ROTATION_STUCK = "rotation-stuck"
    """A rotation of the master key does not come to its end."""
    ROUTE_MISSING = "route-missing"
    """The routes are gone that keep packets for instances from leaving by the uplink."""
    LEFTOVERS = "leftovers"
    """Guests, links or disks that nobody owns."""
    AUTHORITY_ENDING = "authority-ending"
    """The certificate of the cloud's authority, or of its door, ends soon."""
    CANNOT_LOOK = "cannot-look"
    """A check could not be made."""

    # A host's cards, rules and limits
    LINK_OFF = "link-off"
    """A network card that is used is switched off."""
    LINK_UNPLUGGED = "link-unplugged"
    """A network card that is used has no carrier."""
    BOND_EMPTY = "bond-empty"
    """A bond has no member."""
    BOND_DEGRADED = "bond-degraded"
    """A bond carries on with fewer members than it has."""
    BOND_ALONE = "bond-alone"
    """The switch does not speak LACP with a bond that does."""
    BRIDGE_EMPTY = "bridge-empty"
    """The bridge of the network mode has no port, so it leads nowhere."""
    DEVICE_MISSING = "device-missing"
    """The network card or bridge that the network mode names is not there."""
    FIREWALL_DROPS = "firewall-drops"
    """Rules of others stop packets on the way of ours."""
    FIREWALL_DOCKER = "firewall-docker"
    """Docker's rules do so."""
    FIREWALL_FIREWALLD = "firewall-firewalld"
    """firewalld's rules do so."""
    FIREWALL_LEGACY = "firewall-legacy"
    """Rules of iptables-legacy do so, which nft does not show."""
    BRIDGE_FILTERED = "bridge-filtered"
    """Frames that cross a bridge are put to the firewall of the host."""
    NAMES_NONE = "names-none"
    """No name server is named that guests could ask."""
    NAMES_SILENT = "names-silent"
    """A name server does not answer."""
    FILES_FEW = "files-few"
    """A process may open too few files."""
    FILES_FULL = "files-full"
    """Nearly all files that the machine may open are open."""
    LOOP_MISSING = "loop-missing"
    """There are no loop devices."""
    CERTIFICATE_ENDING = "certificate-ending"
    """A host's certificate ends soon, and was not renewed."""

    # Between hosts
    HOSTS_NONE = "hosts-none"
    """The zone, or the cloud, has no host."""
    HOST_SILENT = "host-silent"
    """A host's agent has not been heard for a while."""
    HOST_UNASKED = "host-unasked"
    """A host did not answer a question of the doctor's."""
    HOST_ADDRESSLESS = "host-addressless"
    """Nobody has told at which address others reach a host."""
    CLOCK_SKEW = "clock-skew"
    """A host's clock differs from the cloud's."""
    WAY_SILENT = "way-silent"
    """Nothing comes through between two hosts."""
    WAY_LOSSY = "way-lossy"
    """Packets between two hosts are lost."""
    WAY_SLOW = "way-slow"
    """Packets between two hosts take long."""
    WAY_NARROW = "way-narrow"
    """Large packets between two hosts vanish."""
    VLAN_LOST = "vlan-lost"
    """Frames with a tag do not pass between two hosts."""
    TUNNEL_BLOCKED = "tunnel-blocked"
    """UDP 4789, by which VPCs reach from host to host, does not pass between two hosts."""

    # The network around
    ADDRESS_TAKEN = "address-taken"
    """Somebody else has one of the cloud's addresses."""
    ADDRESS_UNREACHED = "address-unreached"
    """Packets to a public address from outside do not come to the gateway host."""
    ADDRESS_UNANSWERED = "address-unanswered"
    """They come there, and its answers do not come back."""
    RANGE_ANNOUNCED = "range-announced"
    """Somebody announces a way into one of the cloud's ranges, or speaks from it."""
    DHCP_TWICE = "dhcp-twice"
    """Several servers offer addresses on one network."""
    DHCP_NONE = "dhcp-none"
    """Nobody offers addresses where the network mode needs a server."""
    DHCP_FOREIGN = "dhcp-foreign"
    """Somebody offers addresses on a VLAN or bridge that is the cloud's."""


@dataclass(frozen=True, slots=True)
class Ailment:
    """One thing that is wrong: why, and what the reader can do about it."""

    code: Code
    cause: str
    cure: str
