"""What an encrypted volume lies on, as libvirt must be told: it finds keys for no layer by itself.

The layers of one volume, and of those of its family that it lies on, have one key, which libvirt
knows as a *secret* by a UUID that follows from the volume's id. What lies below is plain. Pure.
"""

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement


@dataclass(frozen=True, slots=True)
class File:
    """A plain file below: a layer of another volume, or an image."""

    path: Path
    form: str


@dataclass(frozen=True, slots=True)
class Export:
    """What the block server gives."""

    socket: str
    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What the face of an encrypted volume lies on."""

    layers: tuple[Path, ...] = ()
    """The other encrypted layers, the uppermost first."""
    ground: File | Export | None = None
    """What the last one lies on."""


def secret_of(volume_id: str) -> str:
    """Return the UUID of the secret that is a volume's key."""
    digest = hashlib.sha256(b"mallee key of " + volume_id.encode()).hexdigest()
    return str(uuid.UUID(hex=digest[:32], version=4))


def encode_secret(volume_id: str) -> str:
    """Return the XML of a secret: kept in libvirtd's memory alone, and told to nobody."""
    secret = Element("secret", ephemeral="yes", private="yes")
    SubElement(secret, "uuid").text = secret_of(volume_id)
    usage = SubElement(secret, "usage", type="volume")
    SubElement(usage, "volume").text = f"mallee/{volume_id}"
    return ElementTree.tostring(secret, encoding="unicode")


def add(disk: Element, volume_id: str, chain: Chain) -> None:
    """Say what a disk lies on, whose own source is there already."""
    source = disk.find("source")
    assert source is not None
    add_key(source, volume_id)
    over = disk
    for path in chain.layers:
        over = SubElement(over, "backingStore", type="file")
        SubElement(over, "format", type="qcow2")
        add_key(SubElement(over, "source", file=str(path)), volume_id)
    match chain.ground:
        case File(path, form):
            over = SubElement(over, "backingStore", type="file")
            SubElement(over, "format", type=form)
            SubElement(over, "source", file=str(path))
            # What that lies on, libvirt finds out: it is plain.
        case Export(socket, name):
            over = SubElement(over, "backingStore", type="network")
            SubElement(over, "format", type="raw")
            server = SubElement(over, "source", protocol="nbd", name=name)
            SubElement(server, "host", transport="unix", socket=socket)
            SubElement(over, "backingStore")
        case None:
            SubElement(over, "backingStore")


def add_key(source: Element, volume_id: str) -> None:
    """Say which key opens a layer."""
    encryption = SubElement(source, "encryption", format="luks")
    SubElement(encryption, "secret", type="passphrase", uuid=secret_of(volume_id))
