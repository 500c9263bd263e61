"""What a hostile recipe meets: no file, process, network or right of the host's."""

import os
import socket

import pytest

from mallee.images.recipes import build, jail
from mallee.model.layout import Layout
from tests.images.recipes import builds

pytestmark = pytest.mark.host


def said(layout: Layout, command: str) -> str:
    """What a command says that a recipe runs; it may fail."""
    text = f"name = 'jail'\nbase = 'tiny'\nrun = ['''{command}; exit 1''']\n"
    with pytest.raises((build.Failed, jail.Failed)):
        builds.run(layout, text)
    return builds.log(layout, "jail").partition("== Run")[2].partition("\n")[2]


def test_it_is_nobody_of_the_host(layout: Layout) -> None:
    told = said(layout, "id -u; cat /proc/self/uid_map; touch /root/mine")
    assert told.splitlines()[0] == "0"
    assert str(jail.FIRST_USER) in told
    assert said(layout, "grep NoNewPrivs /proc/self/status").split() == ["NoNewPrivs:", "1"]


def test_it_sees_no_file_of_the_host(layout: Layout) -> None:
    secret = layout.root / "secret"
    secret.write_text("of the host")
    told = said(layout, f"cat {secret}; ls /; cat /proc/1/root{secret}; ls /proc/1/cwd/")
    assert "of the host" not in told
    assert "secret" not in told.replace(f"can't open '{secret}'", "").replace(
        f"/proc/1/root{secret}", ""
    )


def test_it_sees_no_process_of_the_host(layout: Layout) -> None:
    told = said(layout, f"ls -d /proc/[0-9]* | wc -l; kill -0 {os.getppid()} || echo no")
    assert int(told.splitlines()[0]) < 10
    assert "no" in told.splitlines()


def test_it_reaches_no_network_of_the_host(layout: Layout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = said(layout, f"ip -o link | wc -l; nc -w 2 127.0.0.1 {port} </dev/null || echo no")
    assert told.splitlines()[-1] == "no"
    assert told.splitlines()[0] == "1"


@pytest.mark.parametrize(
    "command",
    [
        "mount -t tmpfs none /mnt",
        "mknod /disk b 8 0 && cat /disk",
        "chroot /proc/1/root /bin/true && umount /proc",
        "hostname other",
        "echo 1 >/proc/sys/kernel/sysrq",
        "ip link add dummy0 type dummy",
    ],
)
def test_it_may_not(layout: Layout, command: str) -> None:
    told = said(layout, f"({command}) && echo it may")
    assert "it may" not in told.splitlines()


def test_a_link_does_not_lead_the_builder_astray(layout: Layout) -> None:
    outside = layout.root / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    for command in (
        f"rm -rf /var/log /etc/ssh && ln -s {outside} /var/log && ln -s {outside} /etc/machine-id",
        f"rm -rf /srv && ln -s {outside} /srv",
    ):
        builds.run(
            layout,
            f"base = 'tiny'\nrun = ['{command}']\nfiles = [{{ path='/srv/x', content='x' }}]\n",
        )
    assert list(outside.iterdir()) == []
