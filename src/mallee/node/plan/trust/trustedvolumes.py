"""What an agent takes from its cloud of volumes: their ids become paths of root's, so they are ids.

Called by `trust` on every answer, and by `volumes` on every question about a cut. Pure.
"""

import re
from collections.abc import Collection

import msgspec

from mallee.model.hosts.hosts import InstanceWanted
from mallee.model.images.images import Blob
from mallee.model.storage import datakeys, volumes
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.moves import PASS_BYTES
from mallee.model.storage.snapshots import LAYER_MAX, CutAsked, Layered
from mallee.model.storage.volumes import DiskWanted, Limits, VolumeWanted
from mallee.node.plan.trust import trustedblocks, trustedvpcs

NotTrusted = trustedvpcs.NotTrusted

DISK_FORMATS = frozenset({"raw", "qcow2"})
SIZE_GIB_MAX = 64 << 10
_COUNT_MAX = 1 << 24
_TIME_MAX = 1 << 34
_WORD = re.compile(rf"[0-9a-f]{{{2 * PASS_BYTES}}}")
_PORT_MAX = 65535
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NOTHING = re.compile("")
KEY_ID = re.compile(r"[0-9a-f]{32}")


def check_volume(volume: VolumeWanted) -> None:
    """Raise `NotTrusted` unless a host may keep such a volume."""
    trustedvpcs.check_id("vol", volume.id)
    if not 0 < volume.size_gib <= SIZE_GIB_MAX:
        raise NotTrusted(f"{volume.id} of {volume.size_gib} GiB")
    _check_limits(volume.id, volume.limits)
    if volume.key_id:
        trustedvpcs.check_text("a key's id", volume.key_id, KEY_ID)
    if volume.source is not None:
        _check_layer(volume.source)
    if volume.content is not None:
        trustedblocks.check_content(volume.content)
    if volume.blob is not None:
        check_blob(volume.blob, DISK_FORMATS)
    for snapshot_id, number in volume.cuts.items():
        trustedvpcs.check_id("snap", snapshot_id)
        _check_layer(Layered(volume.id, number))
    for snapshot_id in volume.dropped_cuts:
        trustedvpcs.check_id("snap", snapshot_id)
    if not 0 <= volume.base_cut <= LAYER_MAX:
        raise NotTrusted(f"the layer {volume.base_cut} of {volume.id}")
    if volume.upload is not None:
        trustedblocks.check_upload(volume.id, volume.upload)
    _check_moves(volume)


def _check_moves(volume: VolumeWanted) -> None:
    """Refuse a move that is none: its id and its pass are compared with what other hosts say."""
    if volume.moved_as:
        trustedvpcs.check_id("move", volume.moved_as)
    leaving, arriving = volume.leaving, volume.arriving
    if leaving is not None:
        trustedvpcs.check_id("move", leaving.move_id)
        trustedvpcs.check_id("host", leaving.to_host_id)
        trustedvpcs.check_text("a pass", leaving.word, _WORD)
    if arriving is not None:
        trustedvpcs.check_id("move", arriving.move_id)
        trustedvpcs.check_id("host", arriving.from_host_id)
        trustedvpcs.check_text("a pass", arriving.word, _WORD)
        if not 0 <= arriving.port <= _PORT_MAX:
            raise NotTrusted(f"the port {arriving.port} of another host")


def check_migration(instance: InstanceWanted) -> None:
    """Refuse a migration that is none: its id and its pass are compared with other hosts' words."""
    going, coming = instance.going, instance.coming
    if going is not None:
        trustedvpcs.check_id("mig", going.migration_id)
        trustedvpcs.check_id("host", going.to_host_id)
        trustedvpcs.check_text("a pass", going.word, _WORD)
        if not 0 <= going.port <= _PORT_MAX:
            raise NotTrusted(f"the port {going.port} of another host")
        for one in going.bystanders:
            trustedvpcs.check_id("host", one.host_id)
            if not 0 < one.port <= _PORT_MAX:
                raise NotTrusted(f"the port {one.port} of another host")
    if coming is not None:
        trustedvpcs.check_id("mig", coming.migration_id)
        trustedvpcs.check_id("host", coming.from_host_id)
        trustedvpcs.check_text("a pass", coming.word, _WORD)


def check_key(key: OpenedKey) -> OpenedKey:
    """Return a data key; raise `NotTrusted` unless it could be one."""
    trustedvpcs.check_text("a key's id", key.id, KEY_ID)
    if len(key.secret) != datakeys.BYTES:
        raise NotTrusted(f"a key of {len(key.secret)} bytes")
    return key


def check_disk(disk: DiskWanted) -> None:
    """Raise `NotTrusted` unless a guest may have such a disk."""
    trustedvpcs.check_id("vol", disk.volume_id)
    if disk.slot not in (volumes.ROOT_SLOT, *volumes.SLOTS):
        raise NotTrusted(f"{disk.volume_id} at slot {disk.slot}")


def check_blob(blob: Blob, formats: Collection[str]) -> None:
    """Raise `NotTrusted` unless a host may keep such a file, in one of the forms."""
    trustedvpcs.check_text("name of a blob", blob.sha256, _SHA256)
    if blob.format not in formats or not 0 <= blob.size_bytes <= SIZE_GIB_MAX << 30:
        raise NotTrusted(f"a blob of the form {blob.format[:80]!r}, {blob.size_bytes} bytes long")


def check_no_instance(id: str) -> None:
    """Raise `NotTrusted` unless a question about volumes names no instance."""
    trustedvpcs.check_text("nobody's id", id, _NOTHING)


def read_cut(detail: str) -> CutAsked:
    """Return which volumes shall be cut; raise `NotTrusted`."""
    try:
        asked = msgspec.json.decode(detail, type=CutAsked)
    except msgspec.DecodeError as error:
        raise NotTrusted(f"a question that cannot be read: {error}") from error
    for volume_id, snapshot_id in asked.snapshots.items():
        trustedvpcs.check_id("vol", volume_id)
        trustedvpcs.check_id("snap", snapshot_id)
    if asked.reboot:
        trustedvpcs.check_id("i", asked.reboot)
    if not 0 <= asked.asked_at <= _TIME_MAX:
        raise NotTrusted(f"the time {asked.asked_at} of a cut")
    return asked


def _check_layer(layer: Layered) -> None:
    trustedvpcs.check_id("vol", layer.volume_id)
    if not 0 < layer.number <= LAYER_MAX:
        raise NotTrusted(f"the layer {layer.number} of {layer.volume_id}")


def _check_limits(id: str, limits: Limits) -> None:
    counts = (limits.iops, limits.burst_iops, limits.mib_per_s)
    if not all(0 <= count <= _COUNT_MAX for count in counts):
        raise NotTrusted(f"{id} with the limits {counts}")
