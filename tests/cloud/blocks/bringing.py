"""An agent's uploader over real layers, against a real S3, without the rest of an agent."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec

from mallee.cloud.ec2.storage import snapshotstates
from mallee.cloud.state import records
from mallee.kit import clock, process
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.model.storage.datakeys import DataKey, OpenedKey
from mallee.model.storage.passes import Pass, PassRequest
from mallee.model.storage.snapshots import Snapshot
from mallee.node import cloud, passes
from mallee.node.do.storage import layers, volumes
from mallee.node.volumes import uploads, volumekeys
from tests.cloud.blocks.stand import Stand

WITHIN_S = 300.0
GIB = 1 << 30


class Door:
    """The door of the cloud as the stand's agent comes to it."""

    address = "127.0.0.1"

    def __init__(self, stand: Stand) -> None:
        self._stand = stand

    async def fetch_pass(self, asked: PassRequest) -> Pass:
        """Ask as the agent does."""
        status, answer = await asyncio.to_thread(
            self._stand.ask_pass, asked.account, asked.writes_for
        )
        if status != 200:
            raise cloud.CloudAway(str(answer))
        return msgspec.convert(answer, Pass)


class Keys:
    """The door, to whom needs the keys of volumes."""

    def __init__(self, secrets: dict[str, OpenedKey]) -> None:
        self._secrets = secrets

    async def fetch_volume_key(self, volume_id: str) -> OpenedKey:
        """Return a volume's key."""
        if volume_id not in self._secrets:
            raise cloud.Refused("the key is disabled")
        return self._secrets[volume_id]


class Bench:
    """A host's directory with volumes in it."""

    def __init__(self, stand: Stand, root: Path) -> None:
        self.stand = stand
        self.layout = Layout(root)
        self.wanted: HostWanted | None = None
        self.secrets: dict[str, OpenedKey] = {}
        """The keys of encrypted volumes."""

    def directory(self, volume_id: str) -> Path:
        """Where a volume's layers are."""
        return volumes.directory_of(self.layout, volume_id)

    def volume(self, key: OpenedKey | None = None) -> str:
        """Make a volume of one layer, of a GiB; return its id."""
        id = self.stand.volume(key=_wrapped(key) if key else None)
        layers.make(self.directory(id), 1, layers.Empty(GIB, key=key))
        return id

    def write(self, volume_id: str, *commands: str) -> None:
        """Have qemu-io write into the face."""
        directory = self.directory(volume_id)
        face = layers.face(directory)
        assert face is not None
        io(layers.path_of(directory, face), commands, self.secrets.get(volume_id))

    def cut(self, volume_id: str) -> str:
        """Cut a volume and write the snapshot down; return its id."""
        directory = self.directory(volume_id)
        face = layers.face(directory)
        assert face is not None
        key = self.secrets.get(volume_id)
        layers.prepare_cut(directory, face, key)
        return self.stand.snapshot(volume_id, cut=face, key=_wrapped(key) if key else None)

    def seen_of(self, snapshot_id: str) -> records.Record[Snapshot, snapshotstates.SnapshotSeen]:
        """What the cloud knows of a snapshot."""
        found = self.stand.cloud.store.view.get(records.SNAPSHOT, snapshot_id)
        assert found is not None
        return found

    async def talk(self, uploader: uploads.Uploader) -> None:
        """Tell the cloud what is seen and the agent what is wanted, until cancelled."""
        while True:
            seen = msgspec.to_builtins(uploader.seen())
            answer = await asyncio.to_thread(
                self.stand.agent.sync, seen={}, snapshots=seen, volumes={}
            )
            self.wanted = msgspec.convert(answer["wanted"], HostWanted)
            uploader.poke()
            await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def agent(self) -> AsyncIterator[uploads.Uploader]:
        """Run an agent's uploader."""
        given = passes.Passes(Door(self.stand), clock.SYSTEM)
        keys = volumekeys.VolumeKeys(Keys(self.secrets))
        uploader = uploads.Uploader(self.layout, lambda: self.wanted, given, keys)
        tasks = [
            asyncio.create_task(uploader.run()),
            asyncio.create_task(self.talk(uploader)),
        ]
        try:
            yield uploader
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def completed(self, snapshot_id: str) -> Snapshot:
        """Wait until a snapshot is complete; return it."""
        await self.wait(lambda: self.seen_of(snapshot_id).doc.content is not None)
        return self.seen_of(snapshot_id).doc

    async def wait(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(WITHIN_S):
            while not is_so():
                await asyncio.sleep(0.02)


def io(path: Path, commands: tuple[str, ...], key: OpenedKey | None) -> None:
    """Run commands of qemu-io on a layer."""
    words = [word for command in commands for word in ("-c", command)]
    how = layers.opening(path, key)
    process.run(("qemu-io", *words, *how.words, how.file), how.stdin)


def _wrapped(key: OpenedKey) -> DataKey:
    return DataKey(id=key.id, kms_key="arn", wrapped=b"wrapped", bound_to="vol")


@contextlib.contextmanager
def bench(stand: Stand) -> Iterator[Bench]:
    """A host's directory that QEMU's user can reach."""
    with tempfile.TemporaryDirectory(prefix="m-") as made:
        Path(made).chmod(0o711)
        host = Bench(stand, Path(made))
        host.layout.node.mkdir(parents=True, mode=0o711)
        yield host
