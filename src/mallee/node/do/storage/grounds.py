"""What a volume's layers lie on in the end: nothing, another volume's layer, or the block server.

A layer's head is the doing of QEMU, which a guest may have broken: what it names is believed only
where it is a layer of some volume of this host, or the export of its own volume. All calls block.
"""

from pathlib import Path

from mallee.model.layout import Layout
from mallee.node.do.storage import layers

_DEPTH_MAX = 256
_SUFFIX = ".qcow2"


def url_of(layout: Layout, volume_id: str) -> str:
    """Return what the head of a layer says that lies on what the block server gives."""
    return f"nbd+unix:///{volume_id}?socket={layout.block_socket}"


def served(layout: Layout, face: Path) -> str | None:
    """Return under which volume's name the block server gives what a face lies on; None: it does
    not. Raises `OSError`."""
    path = face
    for _ in range(_DEPTH_MAX):
        ground = layers.read_file(path).ground
        if ground == url_of(layout, path.parent.name):
            return path.parent.name
        path = path.parent / ground
        if not ground.endswith(_SUFFIX) or path.parent.parent != layout.volumes:
            return None
    raise OSError(f"{face} lies on too many layers")


def is_whole(directory: Path, face: int) -> bool:
    """Tell whether a volume lies on nothing but layers of its own. Raises `OSError`."""
    return not layers.chain(directory, face)[-1].ground


def is_any_layer_on(layout: Layout, directory: Path) -> bool:
    """Tell whether any layer of a volume lies on what the block server gives. Raises `OSError`."""
    url = url_of(layout, directory.name)
    return any(layers.read(directory, n).ground == url for n in layers.numbers(directory))
