"""Files of volumes handed over between hosts that keep them on one share: nothing is copied.

What two agents say to each other on a connection of its own, before anything is copied. The host
that has the volumes makes a proof in its place and tells its name (`Offered`); the other one looks
for it in its own place, links the files, and says what it found (`Looked`); the first compares,
lets its lock go, and says what is handed over (`HandedOver`); the other says what it took, which is
nothing when it does not see that lock go. It says so when it has noted that itself: the first goes
on at once. What is not handed over is copied: an agent that knows nothing of this refuses the
connection, and hosts without a share find nothing.

From then on both have the same files under two names. Who may write them is not said here: the
volume's owner, and QEMU's own locks. Called by `migrating`, `departures` and `arrivals`, from
threads; all calls block.
"""

import contextlib
import shutil
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mallee.kit import logs, process
from mallee.model.layout import Layout
from mallee.model.storage.snapshots import LAYER_MAX, LAYERS_MAX
from mallee.model.storage.volumes import VolumeWanted
from mallee.node.do.channel import Connection
from mallee.node.do.storage import foreignlayers, shares, volumes

_FILES_MAX = 2 * LAYERS_MAX

log = logs.get(__name__)


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """Files that could be handed over."""

    proof: str
    """The name of the proof; empty: this host's volumes lie where no other host reaches them."""
    volumes: dict[str, tuple[int, ...]] = {}
    """By volume: its layers, from the lowest up."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What the other host found."""

    read: str = ""
    """What it read in the proof; empty: it found none."""
    wrote: str = ""
    """What it wrote there."""
    volume_ids: tuple[str, ...] = ()
    """Whose files it has linked."""


class HandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """Whose files are handed over, and then: whose were taken."""

    volume_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """A volume whose files are wanted, and where."""

    wanted: VolumeWanted
    directory: Path
    """Where there is nothing yet; it is made, what it is in is there."""
    is_used: bool = False
    """Whether a guest has it: then what is in its files stays as it is, also what they lie on."""


def offer(
    connection: Connection, layout: Layout, those: Mapping[str, Sequence[int]]
) -> frozenset[str]:
    """Offer volumes' files to another host; return whose it took. Raises `OSError`."""
    with shares.proving(layout) as proof:
        if proof is None:
            connection.send(Offered(proof=""))
            return frozenset()
        named = {volume_id: tuple(numbers) for volume_id, numbers in those.items()}
        connection.send(Offered(proof=proof.name, volumes=named))
        looked = connection.receive(Looked)
        is_so = bool(looked.read) and proof.holds(looked.read, looked.wrote)
        if looked.read and not is_so:
            log.warning("a host has not the share that it says", peer=connection.peer)
        proof.let_go()
        handed = HandedOver(volume_ids=looked.volume_ids if is_so else ())
        connection.send(handed)
        taken = connection.receive(HandedOver).volume_ids
        return frozenset(taken) & frozenset(handed.volume_ids) & named.keys()


@contextlib.contextmanager
def taking(
    connection: Connection, layout: Layout, wishes: Mapping[str, Wish]
) -> Generator[dict[str, tuple[int, ...]]]:
    """Take what another host offers of some volumes; it hears what was taken when this ends well.

    Gives by volume the layers that are here. Raises `OSError`; nothing of what was not taken is
    left.
    """
    offered = connection.receive(Offered)
    if not offered.proof:
        yield {}
        return
    taken = _take(connection, layout, (offered, wishes))
    yield taken
    connection.send(HandedOver(volume_ids=tuple(taken)))


def _take(
    connection: Connection, layout: Layout, those: tuple[Offered, Mapping[str, Wish]]
) -> dict[str, tuple[int, ...]]:
    offered, wishes = those
    taken: dict[str, tuple[int, ...]] = {}
    cause = ""
    try:
        with shares.looking(layout, connection.peer, offered.proof) as share:
            linked = _link_all(layout, share, those)
            found = Looked(read=share.read, wrote=share.wrote, volume_ids=tuple(linked))
            connection.send(found)
            handed = connection.receive(HandedOver).volume_ids
            if share.has_let_go():
                taken = {id: numbers for id, numbers in linked.items() if id in handed}
            else:
                cause = "the share keeps locks that nobody has any more"
    except shares.NotShared as error:
        cause = "" if isinstance(error, shares.OtherPlace) else str(error)
        connection.send(Looked())
        connection.receive(HandedOver)
    if cause:
        log.warning("nothing is handed over", peer=connection.peer, why=cause)
    shares.note(layout, connection.peer, cause)
    for id in wishes.keys() - taken.keys():
        shutil.rmtree(wishes[id].directory, ignore_errors=True)
    return taken


def _link_all(
    layout: Layout, share: shares.Share, those: tuple[Offered, Mapping[str, Wish]]
) -> dict[str, tuple[int, ...]]:
    """Link the files of all volumes that are offered and wanted; return their layers."""
    offered, wishes = those
    linked: dict[str, tuple[int, ...]] = {}
    for id, numbers in offered.volumes.items():
        if id not in wishes:
            continue
        try:
            _link(layout, share, (wishes[id], numbers))
        except (OSError, process.Failed) as error:
            log.warning("a volume is copied instead", volume=id, why=str(error))
            shutil.rmtree(wishes[id].directory, ignore_errors=True)
        else:
            linked[id] = numbers
    return linked


def _link(layout: Layout, share: shares.Share, what: tuple[Wish, tuple[int, ...]]) -> None:
    wish, numbers = what
    is_ordered = list(numbers) == sorted({*numbers}) and 0 < len(numbers) <= _FILES_MAX
    if not is_ordered or not all(0 < it <= LAYER_MAX for it in numbers):
        raise shares.NotShared("it has no such layers")
    wish.directory.mkdir(mode=0o711)
    wish.directory.chmod(0o711)
    share.link(wish.wanted.id, numbers, wish.directory)
    size_bytes = wish.wanted.size_gib * volumes.GIB
    expected = foreignlayers.Expected(size_bytes, bool(wish.wanted.key_id))
    lowest = foreignlayers.check(wish.directory, numbers, expected)
    if lowest.ground and wish.is_used:
        below = volumes.ground_of(layout, wish.wanted, wish.directory)
        if (lowest.ground, lowest.ground_form) != below:
            raise shares.NotShared("what it lies on has another name on this host")
