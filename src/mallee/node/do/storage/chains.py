"""Finds out what an encrypted volume's face lies on, for libvirt to be told (`plan.chains`).

A layer's head is the doing of QEMU, which a guest may have broken: below the encrypted layers that
`layers` follows, only what the host keeps for volumes is named. All calls block.
"""

from pathlib import Path

from mallee.model.layout import Layout
from mallee.node.do.storage import grounds, layers
from mallee.node.plan.storage.chains import Chain, Export, File

_SUFFIX = ".qcow2"


def of(layout: Layout, face: Path) -> Chain:
    """Return what a face lies on. Raises `OSError`, also for what no volume lies on."""
    encrypted = layers.encrypted_chain(face)
    if not encrypted:
        raise OSError(f"{face} is not encrypted")
    last = encrypted[-1]
    above = tuple(layer.path for layer in encrypted[1:])
    if not last.ground:
        return Chain(above)
    if last.ground == grounds.url_of(layout, last.path.parent.name):
        return Chain(above, Export(str(layout.block_socket), last.path.parent.name))
    path = last.path.parent / last.ground
    if path.parent == layout.node_images:
        return Chain(above, File(path, last.ground_form))
    if path.suffix != _SUFFIX or path.parent.parent != layout.volumes:
        raise OSError(f"{last.path} lies on {last.ground[:200]}, which is no volume's")
    return Chain(above, File(path, "qcow2"))
