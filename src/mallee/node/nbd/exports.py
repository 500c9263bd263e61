"""The block server's exports: one for each volume that lies on a content, called as the volume.

Which those are is looked up when a client asks (`contents`), so a new volume needs nobody to tell
the server of it, and a restarted server knows them all. What cannot be read of them is collected
here, and told to the agent by a file.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mallee.kit import logs
from mallee.kit.nbd.server import Export
from mallee.model.layout import Layout
from mallee.node.do.storage import places
from mallee.node.nbd import contents
from mallee.node.nbd.blockreader import BlockReader, Origin
from mallee.node.nbd.contentdisks import ContentDisk

BLOCKS_TOLD_MAX = 16
"""More unreadable blocks of one volume are not told one by one."""

log = logs.get(__name__)


@dataclass(slots=True)
class Troubles:
    """What cannot be read now."""

    by_volume: contents.Troubles = field(default_factory=contents.Troubles)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, volume_id: str, number: int, words: str) -> None:
        """Learn that a block cannot be read, or can be (no words)."""
        known = self.by_volume.get(volume_id)
        if words:
            known = self.by_volume.setdefault(volume_id, {})
            if known.get(number) != words and len(known) < BLOCKS_TOLD_MAX:
                known[number] = words
                self.changed.set()
        elif known and known.pop(number, None) is not None:
            if not known:
                del self.by_volume[volume_id]
            self.changed.set()

    def keep_only(self, volume_ids: set[str]) -> None:
        """Forget volumes that lie on no content any more."""
        for volume_id in self.by_volume.keys() - volume_ids:
            del self.by_volume[volume_id]
            self.changed.set()


class Exports(Mapping[str, Export]):
    """The volumes of this host that lie on a content, by id."""

    def __init__(self, layout: Layout, blocks: BlockReader, troubles: Troubles) -> None:
        self._layout = layout
        self._blocks = blocks
        self._troubles = troubles

    def __getitem__(self, name: str) -> Export:
        if "/" in name or name in ("", ".", ".."):
            raise KeyError(name)
        try:
            content = contents.read(places.located(self._layout).volumes / name)
        except (OSError, places.Away) as error:
            log.warning("a volume's content cannot be looked up", volume=name, error=str(error))
            content = None
        if content is None:
            raise KeyError(name)

        def told(number: int, words: str) -> None:
            self._troubles.tell(name, number, words)

        return ContentDisk(Origin(name, content), self._blocks, told)

    def __iter__(self) -> Iterator[str]:
        volumes = places.located(self._layout).volumes
        for path in sorted(volumes.iterdir()) if volumes.is_dir() else ():
            if contents.read(path) is not None:
                yield path.name

    def __len__(self) -> int:
        return sum(1 for _ in self)


async def tell_troubles(layout: Layout, exports: Exports, troubles: Troubles) -> None:
    """Write down what cannot be read whenever that changes, until cancelled."""
    while True:
        try:
            troubles.keep_only(set(exports))
            contents.write_troubles(layout, troubles.by_volume)
        except (OSError, places.Away) as error:
            log.warning("troubles cannot be told", error=str(error))
        troubles.changed.clear()
        await troubles.changed.wait()
