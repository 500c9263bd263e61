"""The libvirt domain of an instance, as XML text.

A *domain* is libvirt's word for a guest's machine. Everything in it follows from the instance and
from what was proved of the host; the text is golden-tested. `do.hypervisor` gets it from the
reconciler's `DefineDomain`. Not its business: making the files and taps that the text names.

Chosen by measurement (software emulation, time to the guest's first userspace line):
- A VGA adapter costs nothing, so there is one, with VNC on a unix socket: guests that boot from
  their own disk show their boot loader on it.
- A spare PCIe root port costs 25 ms of the guest's boot; one PCI bridge costs as much and has 31
  slots into which disks and interfaces can be plugged while the guest runs. What is there from the
  start sits on the root bus, at addresses that never change.
- `-cpu max` boots as fast as `qemu64` and offers what today's distributions demand (x86-64-v2).
- `cache=writeback`: guests of one image share its pages in the host's memory, and their flushes
  are honoured.

An emulated machine has 8 KiB less memory than it is said to have. QEMU before 9.0 looks at what a
guest writes 64 pages at a time where a memory is a multiple of that, and then forgets to tell the
emulator: what is written next is not sent to another host, and the guest breaks there.
"""

import hashlib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout
from mallee.model.storage.volumes import Limits
from mallee.node.plan.guests import disks
from mallee.node.plan.guests.disks import HOT_PLUG_BUS, Disk

MACHINE = "pc-q35-7.2"
"""Pinned: an instance keeps its machine when the host's QEMU is renewed."""
NAMESPACE = "urn:mallee:domain"
"""The namespace of the metadata element by which our domains are known."""
_QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"
_MEMORY = "ml.ram"
_ODD_KIB = 8
"""QEMU's smallest step of a memory."""

DISK_FILE = "disk.qcow2"
CONSOLE_LOG = "console.log"
CONSOLE_SOCKET = "console.sock"
AGENT_SOCKET = "agent.sock"
AGENT_PORT = "org.qemu.guest_agent.0"
QEMU_DIRECTORY = "qemu"
"""The one place below the instance's directory where QEMU's user may make files."""
VNC_SOCKET = f"{QEMU_DIRECTORY}/vnc.sock"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a card sits: a bus of the machine, and a slot of it."""

    bus: int
    slot: int


@dataclass(frozen=True, slots=True)
class Nic:
    """A network card: the tap that the agent made, and the guest's address on it."""

    tap: str
    mac: str
    place: Place | None = field(default=None, compare=False)
    """Where it sits; None: where its number among the cards of a machine that begins has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSpec:
    """What the cloud wants of a domain."""

    instance_id: str
    launch: int
    vcpus: int
    cpu: str = ""
    """The model that it sees as its processor; empty: the host's own."""
    memory_mib: int
    boot: DirectBoot | None
    nics: tuple[Nic, ...]
    disks: tuple[tuple[Disk, Limits], ...] = ()
    """Its volumes; where no root is among them, its root disk is in the instance's directory. The
    encrypted ones are in no definition: they are plugged in when the machine stands."""
    is_coming: bool = False
    """Whether it does not begin, but waits for the state of one that runs on another host."""


@dataclass(frozen=True, slots=True)
class HostTraits:
    """What a host adds to every domain on it."""

    layout: Layout
    acceleration: str
    """`kvm` or `tcg`, as proved."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The metadata element by which a domain is known as one cloud's."""

    cloud: str
    """`Layout.tag`."""
    instance_id: str
    launch: int


def uuid_of(instance_id: str) -> str:
    """The domain's UUID: it follows from the id and begins with `ec2`, as cloud-init looks for."""
    digest = hashlib.sha256(instance_id.encode()).hexdigest()
    return str(uuid.UUID(hex="ec2" + digest[:29], version=4))


def directory_of(layout: Layout, instance_id: str) -> Path:
    """The instance's directory: disk, console log, sockets."""
    return layout.instances / instance_id


def encode(spec: DomainSpec, host: HostTraits) -> str:
    """Return the domain's XML."""
    domain = Element("domain", type="kvm" if host.acceleration == "kvm" else "qemu")
    SubElement(domain, "name").text = spec.instance_id
    SubElement(domain, "uuid").text = uuid_of(spec.instance_id)
    _add_mark(domain, Mark(host.layout.tag, spec.instance_id, spec.launch))
    SubElement(domain, "memory", unit="MiB").text = str(spec.memory_mib)
    words = _memory_words(spec, host)
    SubElement(domain, "vcpu").text = str(spec.vcpus)
    _add_sysinfo(domain, spec.instance_id)
    _add_boot(domain, spec, host.layout)
    features = SubElement(domain, "features")
    SubElement(features, "acpi")
    SubElement(features, "apic")
    _add_cpu(domain, spec, host)
    SubElement(domain, "clock", offset="utc")
    SubElement(domain, "on_poweroff").text = "destroy"
    SubElement(domain, "on_reboot").text = "restart"
    SubElement(domain, "on_crash").text = "destroy"
    _add_devices(domain, spec, directory_of(host.layout, spec.instance_id))
    SubElement(domain, "seclabel", type="none")
    if spec.is_coming:
        # Until QEMU is told where the state of a machine comes from.
        words += ("-incoming", "defer")
    _add_words(domain, words)
    ElementTree.indent(domain)
    return ElementTree.tostring(domain, encoding="unicode") + "\n"


def decode_mark(text: str) -> Mark | None:
    """Read the metadata element back; None when it is not one of ours."""
    try:
        element = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
    cloud, instance_id, launch = (element.get(name) for name in ("cloud", "instance", "launch"))
    if cloud is None or instance_id is None or launch is None or not launch.isdecimal():
        return None
    return Mark(cloud, instance_id, int(launch))


def memory_kib(memory_mib: int, acceleration: str) -> int:
    """Return how much memory the machine of an instance has that shall have so much."""
    return (memory_mib << 10) - (0 if acceleration == "kvm" else _ODD_KIB)


def _memory_words(spec: DomainSpec, host: HostTraits) -> tuple[str, ...]:
    """Give an emulated machine its odd memory, which libvirt would round up: what it makes of
    `memory` is there beside it, and nobody touches it."""
    if host.acceleration == "kvm":
        return ()
    kib = memory_kib(spec.memory_mib, host.acceleration)
    memory = f"memory-backend-ram,id={_MEMORY},size={kib}K"
    return ("-object", memory, "-machine", f"memory-backend={_MEMORY}", "-m", f"size={kib}K")


def _add_words(domain: Element, words: tuple[str, ...]) -> None:
    """Add to QEMU's command line what libvirt has no words for."""
    if not words:
        return
    line = SubElement(domain, "qemu:commandline", {"xmlns:qemu": _QEMU_NAMESPACE})
    for word in words:
        SubElement(line, "qemu:arg", value=word)


def _add_mark(domain: Element, mark: Mark) -> None:
    metadata = SubElement(domain, "metadata")
    attributes = {
        "xmlns:mallee": NAMESPACE,
        "cloud": mark.cloud,
        "instance": mark.instance_id,
        "launch": str(mark.launch),
    }
    SubElement(metadata, "mallee:instance", attributes)


def _add_cpu(domain: Element, spec: DomainSpec, host: HostTraits) -> None:
    if not spec.cpu:
        SubElement(domain, "cpu", mode="host-model" if host.acceleration == "kvm" else "maximum")
        return
    cpu = SubElement(domain, "cpu", mode="custom", match="exact")
    # A host that cannot show it says so: a lesser one would be found out by the guest.
    SubElement(cpu, "model", fallback="forbid").text = spec.cpu


def _add_sysinfo(domain: Element, instance_id: str) -> None:
    """What a guest reads from its firmware: cloud-init takes such a machine for EC2's, and
    ec2-instance-connect looks for the instance's id on its board."""
    domain_uuid = uuid_of(instance_id)
    sysinfo = SubElement(domain, "sysinfo", type="smbios")
    system = SubElement(sysinfo, "system")
    entries = {
        "manufacturer": "Amazon EC2",
        "product": "Mallee",
        "serial": domain_uuid,
        "uuid": domain_uuid,
    }
    for name, text in entries.items():
        SubElement(system, "entry", name=name).text = text
    board = SubElement(sysinfo, "baseBoard")
    SubElement(board, "entry", name="manufacturer").text = "Amazon EC2"
    SubElement(board, "entry", name="asset").text = instance_id
    chassis = SubElement(sysinfo, "chassis")
    SubElement(chassis, "entry", name="manufacturer").text = "Amazon EC2"
    SubElement(chassis, "entry", name="asset").text = "Amazon EC2"


def _add_boot(domain: Element, spec: DomainSpec, layout: Layout) -> None:
    boot = spec.boot
    system = SubElement(domain, "os")
    SubElement(system, "type", arch="x86_64", machine=MACHINE).text = "hvm"
    if boot is None:
        # A root that is plugged in says itself that it is the one to boot from.
        if not _has_hot_root(spec):
            SubElement(system, "boot", dev="hd")
    else:
        SubElement(system, "kernel").text = str(layout.node_images / boot.kernel.sha256)
        if boot.ramdisk is not None:
            SubElement(system, "initrd").text = str(layout.node_images / boot.ramdisk.sha256)
        SubElement(system, "cmdline").text = boot.command_line
    SubElement(system, "smbios", mode="sysinfo")


def _has_hot_root(spec: DomainSpec) -> bool:
    return any(disk.is_root and disk.is_encrypted for disk, _ in spec.disks)


def _add_devices(domain: Element, spec: DomainSpec, directory: Path) -> None:
    devices = SubElement(domain, "devices")
    if not any(disk.is_root for disk, _ in spec.disks):
        _add_disk(devices, directory / DISK_FILE)
    for disk, limits in spec.disks:
        if not disk.is_encrypted:
            disks.add(devices, disk, limits)
    for number, nic in enumerate(spec.nics):
        _add_nic(devices, nic, nic.place or Place(0, _FIRST_NIC_SLOT + number))
    if _has_hot_root(spec):
        # Where no device has a place in the order, libvirt lets none have one that comes later.
        card = devices.find("interface")
        SubElement(_add_empty_drive(devices) if card is None else card, "boot", order="2")
    _add_console(devices, directory)
    _add_agent_port(devices, directory)
    SubElement(devices, "controller", type="usb", model="none")
    for index, model in enumerate(("pcie-root", "pcie-root-port", "pcie-to-pci-bridge")):
        SubElement(devices, "controller", type="pci", model=model, index=str(index))
    if _has_hot_root(spec):
        _add_port_of_root(devices)
    graphics = SubElement(devices, "graphics", type="vnc")
    SubElement(graphics, "listen", type="socket", socket=str(directory / VNC_SOCKET))
    video = SubElement(devices, "video")
    SubElement(video, "model", type="vga", vram="16384", heads="1", primary="yes")
    rng = SubElement(devices, "rng", model="virtio")
    SubElement(rng, "backend", model="random").text = "/dev/urandom"
    _place(rng, _RNG_SLOT)
    SubElement(devices, "memballoon", model="none")


def _add_empty_drive(devices: Element) -> Element:
    drive = SubElement(devices, "disk", type="file", device="cdrom")
    SubElement(drive, "target", dev="sda", bus="sata")
    SubElement(drive, "readonly")
    return drive


def _add_port_of_root(devices: Element) -> None:
    """A port of its own for a root that is plugged in, before the one of all other volumes: guests
    name disks in the order in which they find them."""
    (other,) = devices.findall("controller[@model='pcie-root-port']")
    _place(other, _OTHERS_PORT_SLOT)
    port = SubElement(
        devices, "controller", type="pci", model="pcie-root-port", index=str(disks.HOT_ROOT_BUS)
    )
    _place(port, _ROOTS_PORT_SLOT)


def _add_agent_port(devices: Element, directory: Path) -> None:
    """The port of an agent in the guest; libvirt makes the socket, so no path of QEMU's is
    followed."""
    controller = SubElement(devices, "controller", type="virtio-serial", index="0")
    _place(controller, _PORTS_SLOT)
    channel = SubElement(devices, "channel", type="unix")
    SubElement(channel, "source", mode="bind", path=str(directory / AGENT_SOCKET))
    SubElement(channel, "target", type="virtio", name=AGENT_PORT)


_RNG_SLOT = 0x04
_ROOTS_PORT_SLOT, _OTHERS_PORT_SLOT = 0x02, 0x03
_PORTS_SLOT = 0x05
_FIRST_NIC_SLOT = 0x08
"""Slots of the root bus; 1 and 2 are taken by the VGA adapter and the way to the bridge."""
_FIRST_HOT_NIC_SLOT = 0x10
_HOT_NIC_SLOTS = 16
"""Slots of the hot-plug bus that are kept for interfaces, by the place of each."""


def encode_hot_nic(nic: Nic, device_index: int) -> str:
    """Return the XML of a card that is put into a running guest."""
    devices = Element("devices")
    slot = _FIRST_HOT_NIC_SLOT + device_index % _HOT_NIC_SLOTS
    _add_nic(devices, nic, Place(HOT_PLUG_BUS, slot))
    return ElementTree.tostring(devices[0], encoding="unicode")


def decode_nics(text: str) -> frozenset[Nic]:
    """Read the cards of a domain's XML back."""
    found: set[Nic] = set()
    for interface in ElementTree.fromstring(text).iterfind("devices/interface"):
        target, mac = interface.find("target"), interface.find("mac")
        if target is not None and mac is not None:
            place = _decode_place(interface)
            found.add(Nic(target.get("dev", ""), mac.get("address", ""), place))
    return frozenset(found)


def _decode_place(device: Element) -> Place | None:
    address = device.find("address[@type='pci']")
    if address is None:
        return None
    return Place(int(address.get("bus", "0"), 0), int(address.get("slot", "0"), 0))


def is_place_of_nic(place: Place) -> bool:
    """Tell whether network cards sit there: put in when the machine began, or while it ran."""
    first = {0: _FIRST_NIC_SLOT, HOT_PLUG_BUS: _FIRST_HOT_NIC_SLOT}.get(place.bus)
    return first is not None and first <= place.slot < first + _HOT_NIC_SLOTS


def has_agent(text: str) -> bool:
    """Tell from a running domain's XML whether an agent in the guest has its port open."""
    targets = ElementTree.fromstring(text).iterfind("devices/channel/target")
    return any(
        target.get("name") == AGENT_PORT and target.get("state") == "connected"
        for target in targets
    )


def _place(device: Element, slot: int, bus: int = 0) -> None:
    SubElement(
        device, "address", type="pci", domain="0", bus=str(bus), slot=f"{slot:#04x}", function="0"
    )


def _add_disk(devices: Element, path: Path) -> None:
    disk = SubElement(devices, "disk", type="file", device="disk")
    SubElement(disk, "driver", name="qemu", type="qcow2", cache="writeback", discard="unmap")
    SubElement(disk, "source", file=str(path))
    SubElement(disk, "target", dev="vda", bus="virtio")
    SubElement(disk, "serial").text = "root"
    _place(disk, disks.ROOT_PLACE)


def _add_nic(devices: Element, nic: Nic, place: Place) -> None:
    interface = SubElement(devices, "interface", type="ethernet")
    SubElement(interface, "mac", address=nic.mac)
    SubElement(interface, "target", dev=nic.tap, managed="no")
    SubElement(interface, "model", type="virtio")
    # Nobody boots from the network, and loading the card's firmware costs time.
    SubElement(interface, "rom", enabled="no")
    _place(interface, place.slot, place.bus)


def _add_console(devices: Element, directory: Path) -> None:
    """One serial line: a log that survives everything, and a socket for an interactive console."""
    for kind, target in (("serial", {"port": "0"}), ("console", {"type": "serial", "port": "0"})):
        line = SubElement(devices, kind, type="unix")
        SubElement(line, "source", mode="bind", path=str(directory / CONSOLE_SOCKET))
        SubElement(line, "log", file=str(directory / CONSOLE_LOG), append="on")
        SubElement(line, "target", target)
