import socket
import subprocess
from pathlib import Path

import pytest

from mallee.node.do.storage import layerreader


def test_a_server_is_waited_for_that_has_a_socket_and_does_not_listen_yet(tmp_path: Path) -> None:
    disk, path = tmp_path / "disk", tmp_path / "nbd"
    subprocess.run(("qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"), check=True)
    servers: list[subprocess.Popen[bytes]] = []
    looks: list[bool] = []
    early = socket.socket(socket.AF_UNIX)

    def check() -> None:
        looks.append(path.exists())
        if len(looks) == 1:
            early.bind(str(path))
        elif len(looks) == 3:
            path.unlink()
            servers.append(subprocess.Popen(("qemu-nbd", "-r", "-A", "-k", path, disk)))

    try:
        with layerreader.connect(path, check) as reader:
            assert reader.size_bytes == 1 << 20
    finally:
        early.close()
        for server in servers:
            server.kill()
            server.wait()
    assert looks[:3] == [False, True, True]


def test_a_server_that_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    def check() -> None:
        raise OSError("it has ended")

    with pytest.raises(OSError, match="it has ended"):
        layerreader.connect(tmp_path / "nbd", check)
