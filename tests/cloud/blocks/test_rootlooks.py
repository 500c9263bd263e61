"""Images of snapshots: what would start a guest of them is looked at, and follows."""

from msgspec.structs import replace

from mallee.cloud.s3 import rootlooks
from mallee.cloud.state import records, store
from mallee.model.images.images import Image, ImageMapping
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.model.storage.snapshots import NO_VOLUME, Content, Snapshot
from tests.cloud.blocks.test_resealing import BLOCKS, Bench, block
from tests.cloud.blocks.test_resealing import bench as bench
from tests.cloud.clouds import ACCOUNT
from tests.handclock import NOW

AMI, SNAP = "ami-00000000000000001", "snap-00000000000000002"
LONE = (bytes(1080) + b"\x53\xef").ljust(BLOCK_BYTES, b"\0")
_PARTITION = b"\x80\0\0\0\x83\0\0\0" + (2048).to_bytes(4, "little") + (4096).to_bytes(4, "little")
BOOTS = (b"\xeb\x63".ljust(446, b"\x90") + _PARTITION).ljust(510, b"\0") + b"\x55\xaa"
UNBOOTABLE = bytes(446) + BOOTS[446:]


def begin(bench: Bench, content: Content | None, **more: object) -> None:
    """Register an image of a snapshot."""
    snapshot = Snapshot(
        id=SNAP, volume_id=NO_VOLUME, size_gib=1, content=content, started_at=1.0, **more
    )
    mapping = ImageMapping(device="/dev/vda", snapshot_id=SNAP, size_gib=1)
    image = Image(
        id=AMI,
        name="own",
        kind="machine",
        location="x",
        mappings=(mapping,),
        is_seen=False,
        created_at=NOW,
    )

    def write(tx: store.Tx) -> None:
        tx.insert(records.SNAPSHOT, ACCOUNT, SNAP, snapshot)
        tx.insert(records.IMAGE, ACCOUNT, AMI, image)

    bench.store.transact(write)


def offer(bench: Bench) -> None:
    """Have the cloud offer a kernel and a ramdisk to all."""

    def write(tx: store.Tx) -> None:
        for kind in ("kernel", "ramdisk"):
            image = Image(id=f"a{kind[0]}i-1", name=kind, kind=kind, location="x", created_at=NOW)
            tx.insert(records.IMAGE, ACCOUNT, image.id, replace(image, is_public=True))

    bench.store.transact(write)


async def looked(bench: Bench) -> Image:
    """The image, after a process that has just started has looked."""
    reconciler = rootlooks.reconciler(bench.store, bench.engine, bench.keys_file, bench.clock)
    due = reconciler.keys()
    for key in due:
        await reconciler.settle(key)
    found = bench.store.view.get(records.IMAGE, AMI)
    assert found is not None
    return found.doc


async def test_a_lone_root_file_system_gets_the_clouds_kernel(bench: Bench) -> None:
    offer(bench)
    begin(bench, bench.tree({0: LONE}))
    image = await looked(bench)
    assert (image.is_seen, image.is_root_file_system) == (True, True)
    assert (image.kernel_id, image.ramdisk_id) == ("aki-1", "ari-1")
    assert image.state_reason == ""


async def test_what_nothing_starts_is_said_and_stays(bench: Bench) -> None:
    for content, words in (
        (LONE, "this cloud has no kernel"),
        (UNBOOTABLE.ljust(BLOCK_BYTES, b"\0"), "no boot loader"),
        (block(7), "neither partitions nor a file system"),
    ):
        begin(bench, bench.tree({0: content}))
        image = await looked(bench)
        assert words in image.state_reason
        assert (image.state, image.is_seen) == ("available", True)
        bench.store.transact(forget)


def forget(tx: store.Tx) -> None:
    for kind, id in ((records.IMAGE, AMI), (records.SNAPSHOT, SNAP)):
        record = tx.get(kind, id)
        assert record is not None
        tx.delete(record)


async def test_a_disk_that_boots_is_left_as_it_is(bench: Bench) -> None:
    offer(bench)
    begin(bench, bench.tree({0: BOOTS.ljust(BLOCK_BYTES, b"\0"), **{9: BLOCKS[0]}}))
    image = await looked(bench)
    assert (image.boot_mode, image.kernel_id, image.state_reason) == ("legacy-bios", None, "")


async def test_what_is_not_there_yet_is_looked_at_when_it_is(bench: Bench) -> None:
    offer(bench)
    begin(bench, None)
    assert not (await looked(bench)).is_seen
    content = bench.tree({0: LONE})

    def complete(tx: store.Tx) -> None:
        record = tx.get(records.SNAPSHOT, SNAP)
        assert record is not None
        tx.write(record, replace(record.doc, content=content))

    bench.store.transact(complete)
    assert (await looked(bench)).kernel_id == "aki-1"


async def test_an_encrypted_root_is_opened_for_the_look(bench: Bench) -> None:
    offer(bench)
    bench.begin(bench.tree({0: LONE}))
    await bench.part()
    begin(bench, bench.doc.content, key=bench.key)
    assert (await looked(bench)).kernel_id == "aki-1"
