"""Which processor libvirt can show guests here, told from what it says of itself.

Called by `libvirt`. How many features a named model has stands in libvirt's own files: it says
which models a host can show wholly, and not which of them is the better one.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from mallee.model.hosts.cpus import Cpu

DIRECTORY = Path("/usr/share/libvirt/cpu_map")


def read(capabilities: str, directory: Path = DIRECTORY) -> Cpu | None:
    """Return what a domain may be shown, of the capabilities of domains that libvirt tells."""
    told = ElementTree.fromstring(capabilities).find("cpu")
    own = None if told is None else told.find("mode[@name='host-model']")
    if told is None or own is None or own.get("supported") != "yes":
        return None
    counts = _feature_counts(directory)
    usable = told.findall("mode[@name='custom']/model[@usable='yes']")
    names = (model.text or "" for model in usable)
    return Cpu(_fingerprint(own), {name: counts[name] for name in sorted(names) if name in counts})


def _fingerprint(own: ElementTree.Element) -> str:
    """Return what tells one processor from another: its model, and what it has more or less."""
    lines = sorted(
        f"{part.tag} {part.text or ''} {part.get('name', '')} {part.get('policy', '')}"
        for part in own
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


@cache
def _feature_counts(directory: Path) -> Mapping[str, int]:
    """Return how many features each model of the map has."""
    found: dict[str, int] = {}
    for path in sorted(directory.glob("x86_*.xml")):
        for model in ElementTree.parse(path).getroot().findall("model"):
            found[model.get("name", "")] = len({it.get("name") for it in model.findall("feature")})
    return found
