"""Volumes of completed snapshots, with real guests: used at once, and on other hosts too."""

import shutil
from collections.abc import Generator
from typing import Any

import pytest

from mallee.kit import process
from mallee.model.layout import Layout
from mallee.node.do.storage import grounds, layers, volumes
from tests import secondhost, standstills, wholecloud
from tests.baddays import traces
from tests.machines.test_snapshots import attach, blocks, complete, write
from tests.machines.test_volumes import FELT_S, made, wait_state, zone_of
from tests.secondhost import Machine
from tests.wholecloud import Cloud


@pytest.fixture(scope="module")
def wide() -> Generator[Cloud]:
    with wholecloud.fresh(secondhost.SETTINGS) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def guest(wide: Cloud) -> str:
    id = wide.run()
    wide.wait_state(id, "running")
    return id


@pytest.fixture(scope="module")
def snapshot(wide: Cloud, guest: str) -> str:
    """Of a volume of 2 GiB, with 24 MiB of chance in it behind its first words."""
    ec2: Any = wide.ec2
    with made(wide, Size=2) as volume:
        disk = attach(wide, volume, guest, "/dev/sdf")
        write(wide, guest, disk, 0, "kept")
        fill = f"dd if=/dev/urandom of=/dev/{disk} bs=1M seek=8 count=24 conv=fsync,notrunc"
        wide.ssh(guest, f"{fill} 2>/dev/null")
        id: str = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        ec2.detach_volume(VolumeId=volume)
        complete(wide, id)
    return id


def is_whole(layout: Layout, volume: str) -> bool:
    directory = volumes.directory_of(layout, volume)
    face = layers.face(directory)
    return face is not None and grounds.is_whole(directory, face)


def test_a_volume_is_read_while_its_block_server_and_all_else_is_killed(
    wide: Cloud, guest: str, snapshot: str
) -> None:
    ec2: Any = wide.ec2
    with made(wide, SnapshotId=snapshot, Size=3) as volume:
        disk = attach(wide, volume, guest, "/dev/sdf")
        write(wide, guest, disk, 1, "mine")
        read = f"dd if=/dev/{disk} of=/dev/null bs=1M count=40"
        for name in ("blocks", "s3", "node"):
            traces.kill(wide, name)
            # An error of one read would be one of the command.
            wide.ssh(guest, f"echo 3 >/proc/sys/vm/drop_caches; {read} 2>/dev/null")
        assert blocks(wide, guest, disk) == ["kept", "mine"]
        wholecloud.wait_until(lambda: is_whole(wide.layout, volume), FELT_S, "it to be filled")
        assert blocks(wide, guest, disk) == ["kept", "mine"]
        ec2.detach_volume(VolumeId=volume)
        wait_state(wide, volume, "available")


def test_a_fast_restore_needs_no_object_store(wide: Cloud, guest: str, snapshot: str) -> None:
    ec2: Any = wide.ec2
    zone = zone_of(wide)
    asked = {"AvailabilityZones": [zone], "SourceSnapshotIds": [snapshot]}
    # What guests have read of it before is not what is looked for.
    traces.kill(wide, "blocks")
    shutil.rmtree(wide.layout.block_cache, ignore_errors=True)
    assert not ec2.enable_fast_snapshot_restores(**asked)["Unsuccessful"]

    def state() -> str:
        (found,) = ec2.describe_fast_snapshot_restores()["FastSnapshotRestores"]
        return found["State"]

    wholecloud.wait_until(lambda: state() == "enabled", FELT_S, "all of it to be at hand")
    still = standstills.standing_still(wide.daemon("s3").pid)
    with still, made(wide, SnapshotId=snapshot, Size=2) as volume:
        (shown,) = ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
        assert shown["FastRestored"]
        disk = attach(wide, volume, guest, "/dev/sdf")
        assert blocks(wide, guest, disk) == ["kept"]
        read = f"dd if=/dev/{disk} of=/dev/null bs=1M count=40 && echo all of it"
        assert "all of it" in wide.ssh(guest, f"{read} 2>/dev/null")
        ec2.detach_volume(VolumeId=volume)
        wait_state(wide, volume, "available")
    ec2.disable_fast_snapshot_restores(**asked)
    wholecloud.wait_until(lambda: state() == "disabled", FELT_S, "it to be let go")


def test_another_host_has_it_too(wide: Cloud, guest: str, snapshot: str) -> None:
    ec2: Any = wide.ec2
    with secondhost.joined(wide) as second:
        wanted = {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": snapshot}}
        there = wide.run(BlockDeviceMappings=[wanted])
        wide.wait_state(there, "running")
        assert there in _hosted(wide, second)
        shown = ec2.describe_instances(InstanceIds=[there])["Reservations"][0]["Instances"][0]
        disks = {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in shown["BlockDeviceMappings"]}
        volume = disks["/dev/sdf"]
        wholecloud.wait_until(lambda: is_whole(second.layout, volume), FELT_S, "it to be filled")
        face = volumes.path_of(second.layout, volume, is_shared=False)
        copy = second.layout.root / "copy"
        command = ("qemu-img", "dd", "-U", "-f", "qcow2", "-O", "raw", "bs=1M", "count=32")
        process.run((*command, f"if={face}", f"of={copy}"))
        data = copy.read_bytes()
        assert data.startswith(b"kept\n")
        assert data[8 << 20 :].strip(b"\0")
        wide.terminate(there)
        for gone in disks.values():
            wholecloud.wait_until(lambda gone=gone: not _is_there(wide, gone), FELT_S, "no disk")
        # The other host has more room now, so new volumes go there first.
        # A volume that nobody had yet goes to whoever has it first.
        with made(wide, SnapshotId=snapshot, Size=2) as fresh:
            former = volumes.directory_of(second.layout, fresh)
            assert former.exists()
            disk = attach(wide, fresh, guest, "/dev/sdg")
            assert blocks(wide, guest, disk) == ["kept"]
            wholecloud.wait_until(lambda: not former.exists(), FELT_S, "the copy to be gone")
            ec2.detach_volume(VolumeId=fresh)
            wait_state(wide, fresh, "available")


def _is_there(cloud: Cloud, volume: str) -> bool:
    ec2: Any = cloud.ec2
    return bool(
        ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [volume]}])["Volumes"]
    )


def _hosted(cloud: Cloud, machine: Machine) -> list[str]:
    hosts = {host["HostId"]: host["InstanceIds"] for host in cloud.hosts()}
    return hosts[machine.host_id]
