"""The volumes of a domain, as XML text and back.

A volume sits on the bus into which a running guest's devices can be plugged, at the slot that the
cloud chose; the root volume where every guest has its root disk. It carries its id as serial
number: so guests find it as `/dev/disk/by-id/virtio-vol…` whatever they call it. Pure.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from mallee.model.storage import volumes
from mallee.model.storage.volumes import Limits
from mallee.node.plan.storage import chains
from mallee.node.plan.storage.chains import Chain

ROOT_BUS, ROOT_PLACE = 0, 0x03
"""Where the root disk is, which no running guest gets or loses."""
HOT_ROOT_BUS = 3
"""The port into which an encrypted root disk is plugged."""
HOT_PLUG_BUS = 2
"""The bus whose slots 1 to 31 are free for volumes and interfaces attached to a running guest."""
TORN_PREFIX, TORN_NAMESPACE = "torn", "urn:mallee:torn"
"""The metadata element that names volumes which a running domain shows and has no more."""
_BURST_S = 1800
"""As long may a volume go at its burst rate; EC2's buckets of gp2 hold about as much."""


@dataclass(frozen=True, slots=True, order=True)
class Disk:
    """A volume as a domain has it."""

    volume_id: str
    path: Path
    slot: int
    is_encrypted: bool = field(default=False, compare=False)
    chain: Chain | None = field(default=None, compare=False)
    """What it lies on, when it is encrypted and is put into a guest."""

    @property
    def target(self) -> str:
        """What libvirt calls it: `vda` for the root, `vdb` at slot 1, `vdp` at the last."""
        return f"vd{chr(ord('a') + self.slot)}"

    @property
    def is_root(self) -> bool:
        """Whether the guest boots from it."""
        return self.slot == volumes.ROOT_SLOT

    @property
    def is_shared(self) -> bool:
        """Whether other guests may write it too: such a volume is a raw file."""
        return self.path.suffix == ".raw"


def add(devices: Element, disk: Disk, limits: Limits) -> None:
    """Put a volume among the devices of a domain."""
    element = SubElement(devices, "disk", type="file", device="disk")
    form = "raw" if disk.is_shared else "qcow2"
    # Guests of one image share its pages in the host's memory; their flushes are honoured.
    cache = "writeback" if disk.is_root else "none"
    SubElement(element, "driver", name="qemu", type=form, cache=cache, discard="unmap")
    SubElement(element, "source", file=str(disk.path))
    if disk.chain is not None:
        chains.add(element, disk.volume_id, disk.chain)
    SubElement(element, "target", dev=disk.target, bus="virtio")
    if disk.is_root and disk.is_encrypted:
        SubElement(element, "boot", order="1")
    if disk.is_shared:
        SubElement(element, "shareable")
    tuning = SubElement(element, "iotune")
    for name, value in tune(limits).items():
        SubElement(tuning, name).text = str(value)
    SubElement(element, "serial").text = volumes.serial_of(disk.volume_id)
    bus, slot = _place(disk)
    place = {"type": "pci", "domain": "0", "bus": str(bus), "function": "0"}
    SubElement(element, "address", place, slot=f"{slot:#04x}")


def _place(disk: Disk) -> tuple[int, int]:
    """Return bus and slot. Encrypted ones are plugged in always, after the machine was made."""
    if not disk.is_root:
        return HOT_PLUG_BUS, disk.slot
    return (HOT_ROOT_BUS, 0) if disk.is_encrypted else (ROOT_BUS, ROOT_PLACE)


def encode(disk: Disk, limits: Limits) -> str:
    """Return the XML of a volume that is put into a running guest."""
    devices = Element("devices")
    add(devices, disk, limits)
    return ElementTree.tostring(devices[0], encoding="unicode")


def tune(limits: Limits) -> dict[str, int]:
    """Return limits by libvirt's names; 0 is no limit."""
    tuned = {"total_bytes_sec": limits.mib_per_s << 20, "total_iops_sec": limits.iops}
    if limits.burst_iops:
        tuned |= {"total_iops_sec_max": limits.burst_iops, "total_iops_sec_max_length": _BURST_S}
    return tuned


def encode_cut(text: str, cuts: Mapping[Disk, Path]) -> str:
    """Return the XML by which a domain's volumes are cut, all at one instant, and no other disk.

    `text` is the domain's own.
    """
    snapshot = Element("domainsnapshot")
    named = SubElement(snapshot, "disks")
    paths = {disk.target: path for disk, path in cuts.items()}
    encrypted = {disk.target: disk.volume_id for disk in cuts if disk.is_encrypted}
    for target in ElementTree.fromstring(text).iterfind("devices/disk/target"):
        name = target.get("dev", "")
        path = paths.get(name)
        if path is None:
            SubElement(named, "disk", name=name, snapshot="no")
            continue
        disk = SubElement(named, "disk", name=name, snapshot="external", type="file")
        SubElement(disk, "driver", type="qcow2")
        source = SubElement(disk, "source", file=str(path))
        if name in encrypted:
            chains.add_key(source, encrypted[name])
    return ElementTree.tostring(snapshot, encoding="unicode")


def decode_layers(text: str, target: str) -> list[Path]:
    """Return the layers of a domain's volume, as its hypervisor knows them, the uppermost first."""
    for element in ElementTree.fromstring(text).iterfind("devices/disk"):
        named = element.find("target")
        if named is not None and named.get("dev") == target:
            found = (source.get("file") for source in element.iter("source"))
            return [Path(file) for file in found if file]
    return []


@dataclass(frozen=True, slots=True)
class Served:
    """What a running domain reads from a block server, below one of its volumes."""

    node: str
    """What libvirt has QEMU call it."""
    socket: str
    name: str


def decode_served(text: str) -> list[Served]:
    """Return what a running domain reads from block servers."""
    found: list[Served] = []
    for layer in ElementTree.fromstring(text).iterfind("devices/disk//backingStore"):
        source, host = layer.find("source[@protocol='nbd']"), layer.find("source/host")
        index = layer.get("index")
        if source is not None and host is not None and index:
            name = f"libvirt-{index}-format"
            found.append(Served(name, host.get("socket", ""), source.get("name", "")))
    return found


def encode_torn(torn: Collection[Disk]) -> str:
    """Return the metadata element that names volumes which were torn out of a running guest."""
    element = Element("volumes")
    for disk in sorted(torn):
        SubElement(element, "volume", id=disk.volume_id, target=disk.target)
    return ElementTree.tostring(element, encoding="unicode")


def decode_torn(text: str) -> frozenset[Disk]:
    """Return the volumes whose devices a domain still has, and nothing behind them."""
    domain = ElementTree.fromstring(text)
    named = _torn(domain)
    return frozenset(disk for disk, _ in _volumes(domain) if (disk.volume_id, disk.target) in named)


def decode_torn_targets(text: str) -> set[str]:
    """Return the devices that were ever said to have nothing behind them, there or not."""
    return {target for _, target in _torn(ElementTree.fromstring(text))}


def decode_nodes(text: str, target: str) -> list[str]:
    """Return what libvirt has QEMU call the layers of a domain's volume, each above those that it
    needs."""
    for element in ElementTree.fromstring(text).iterfind("devices/disk"):
        named = element.find("target")
        if named is not None and named.get("dev") == target:
            # The uppermost has its number in `source`, those below in `backingStore`.
            found = (layer.get("index") for layer in element.iter())
            return [
                f"libvirt-{index}-{kind}"
                for index in found
                if index
                for kind in ("format", "storage")
            ]
    return []


def decode(text: str) -> dict[Disk, Limits]:
    """Read the volumes of a domain's XML, and the limits that each has; not those torn out."""
    domain = ElementTree.fromstring(text)
    torn = _torn(domain)
    return {
        disk: _limits(element)
        for disk, element in _volumes(domain)
        if (disk.volume_id, disk.target) not in torn
    }


def _torn(domain: Element) -> set[tuple[str, str]]:
    named = domain.iterfind(f"metadata/{{{TORN_NAMESPACE}}}volumes/")
    return {(one.get("id", ""), one.get("target", "")) for one in named}


def _volumes(domain: Element) -> Iterator[tuple[Disk, Element]]:
    for element in domain.iterfind("devices/disk"):
        volume_id = volumes.id_of(element.findtext("serial", ""))
        source, target = element.find("source"), element.find("target")
        if volume_id is None or source is None or target is None:
            continue
        slot = ord(target.get("dev", "vda")[-1]) - ord("a")
        is_encrypted = source.find("encryption") is not None
        yield Disk(volume_id, Path(source.get("file", "")), slot, is_encrypted), element


def _limits(element: Element) -> Limits:
    def number(name: str) -> int:
        return int(element.findtext(f"iotune/{name}", "0"))

    burst = number("total_iops_sec_max") if number("total_iops_sec_max_length") else 0
    return Limits(number("total_iops_sec"), burst, number("total_bytes_sec") >> 20)
