"""A machine under emulation whose kernel is Debian's: with 802.1Q and bonds, whatever this one has.

Its kernel and its busybox are those of the tiny guest, its `ip` this machine's own. It has four
cards at two cables, both inside QEMU: a0 and b0 at the first, a1 and b1 at the second; what passes
by a cable is written down. Two hosts are two namespaces in it, A and B, each with its cards.
What is run there comes by a serial line; nothing of the agent runs there, only what it would run.
"""

import base64
import json
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mallee.images import cpio, packages, tiny, tree
from mallee.model.images import catalogue
from tests import tinyimages

UP_S = 300.0
ANSWER_S = 120.0
QEMU = "qemu-system-x86_64"
_MODULES = ("virtio_pci", "virtio_console", "virtio_net", "bonding", "8021q", "bridge", "veth")
_PROGRAMS = ("ip", "bridge")
IP = "/sbin/ip"
"""Of this machine: the shell in there would take busybox's."""
_READY, _END = "-ready-", "-end-of-answer-"
_INIT = f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
for one in {" ".join(_MODULES)}; do
    [ $one = bonding ] && modprobe $one max_bonds=0 || modprobe $one
done
export PATH=/sbin:/bin
exec 3<>/dev/vport0p1
echo {_READY} >&3
cat <&3 | sh >&3 2>/dev/console
"""


class Refused(Exception):
    """A command failed in there; the message is what it said."""


@dataclass(slots=True)
class Machine:
    """The machine, as it runs."""

    line: socket.socket
    monitor: socket.socket
    directory: Path

    def run(self, command: str, stdin: str = "") -> str:
        """Run a command of the shell; return what it says. Raises `Refused`."""
        given = base64.b64encode(stdin.encode()).decode()
        told = f"echo {given} | base64 -d | ( {command} ) >/out 2>&1; c=$?; base64 /out; "
        self.line.sendall(f"{told}echo $c{_END}\n".encode())
        said, _, _ = self.read_until(_END).rpartition(_END)
        body, _, code = said.rstrip().rpartition("\n")
        text = base64.b64decode("".join(body.split())).decode(errors="replace")
        if code.strip() != "0":
            raise Refused(f"{command}: {text}")
        return text

    def links(self, host: str, *lines: str) -> None:
        """Run lines of `ip -batch` in one of its hosts."""
        self.run(f"{IP} netns exec {host} {IP} -batch -", "".join(f"{one}\n" for one in lines))

    def pings(self, namespace: str, address: str, count: int = 1) -> bool:
        """Tell whether an echo comes back; so many are waited for."""
        try:
            self.run(f"{IP} netns exec {namespace} ping -c {count} -W 3 {address}")
        except Refused:
            return False
        return True

    def cut(self, cable: int, *, is_whole: bool = False) -> None:
        """Pull a cable out at both ends, or put it in again."""
        for end in "ab":
            what = {"name": f"nic-{end}{cable}", "up": is_whole}
            self.ask({"execute": "set_link", "arguments": what})

    def frames(self, cable: int) -> list[bytes]:
        """Return what has passed by a cable."""
        data = (self.directory / f"cable{cable}.pcap").read_bytes()
        return list(_packets(data))

    def ask(self, what: object) -> None:
        """Have QEMU do something."""
        self.monitor.sendall(json.dumps(what).encode() + b"\n")
        answer = b""
        while b'"return"' not in answer:
            assert b'"error"' not in answer, answer
            answer += self.monitor.recv(65536)

    def read_until(self, end: str) -> str:
        """Return what it says up to a word of it."""
        said = b""
        while end.encode() not in said:
            piece = self.line.recv(65536)
            assert piece, "the machine has ended: " + (self.directory / "console").read_text()
            said += piece
        return said.decode(errors="replace")


def _packets(data: bytes) -> Iterator[bytes]:
    at = 24
    while at + 16 <= len(data):
        _, _, length, _ = struct.unpack_from("=IIII", data, at)
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


@contextmanager
def running() -> Generator[Machine]:
    """The machine, for a while."""
    directory = Path(tempfile.mkdtemp(prefix="m-kernel-"))
    boot = catalogue.proof_boot(tinyimages.document())
    ramdisk = directory / "ramdisk"
    ramdisk.write_bytes(cpio.encode(_files(directory)))
    process = subprocess.Popen(
        (
            *(QEMU, "-accel", "tcg", "-machine", "q35", "-m", "192", "-nodefaults"),
            *("-display", "none", "-no-reboot"),
            *("-kernel", str(tinyimages.file_of(boot.kernel)), "-initrd", str(ramdisk)),
            *("-append", f"{boot.command_line} panic=-1"),
            *("-serial", f"file:{directory}/console"),
            *("-device", "virtio-serial-pci", "-device", "virtserialport,chardev=line"),
            *("-chardev", f"socket,id=line,path={directory}/line,server=on,wait=off"),
            *("-qmp", f"unix:{directory}/monitor,server=on,wait=off"),
            *_cards(directory),
        ),
        stdin=subprocess.DEVNULL,
    )
    try:
        line, monitor = _connected(directory / "line"), _connected(directory / "monitor")
        machine = Machine(line, monitor, directory)
        _greet(machine)
        yield machine
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory)


def _greet(machine: Machine) -> None:
    """Wait until it answers, and make its two hosts."""
    machine.ask({"execute": "qmp_capabilities"})
    machine.line.settimeout(UP_S)
    machine.read_until(_READY)
    machine.line.settimeout(ANSWER_S)
    for host, end in (("A", "a"), ("B", "b")):
        machine.run(f"{IP} netns add {host}")
        for cable in (0, 1):
            device = (
                f"$(basename $(dirname $(grep -l {_mac(end, cable)} /sys/class/net/*/address)))"
            )
            machine.run(f"{IP} link set {device} name {end}{cable} netns {host}")


def _connected(path: Path) -> socket.socket:
    until = time.monotonic() + UP_S
    there = socket.socket(socket.AF_UNIX)
    there.settimeout(ANSWER_S)
    while True:
        try:
            there.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            # The name is there before anybody listens.
            assert time.monotonic() < until, "QEMU does not start"
            time.sleep(0.05)
        else:
            return there


def _mac(end: str, cable: int) -> str:
    return f"52:54:00:00:0{end}:0{cable}"


def _cards(directory: Path) -> Iterator[str]:
    for cable in (0, 1):
        for end in "ab":
            name = f"{end}{cable}"
            yield from ("-netdev", f"hubport,id={name},hubid={cable}")
            mac = f"mac={_mac(end, cable)},speed=10000,duplex=full"
            yield from ("-device", f"virtio-net-pci,id=nic-{name},netdev={name},romfile=,{mac}")
        dump = f"filter-dump,id=dump{cable},netdev=a{cable},file={directory}/cable{cable}.pcap"
        yield from ("-object", dump)


def _files(directory: Path) -> tree.Tree:
    cached = tinyimages.layout().packages / "tiny"
    debs = [*cached.glob("linux-image*.deb"), *cached.glob("busybox-static*.deb")]
    tools = packages.unpack(debs, directory / "unpacked")
    version = tools.find("boot/vmlinuz-*").name.removeprefix("vmlinuz-")
    found = {
        **tiny.module_tree(_MODULES, tools, version),
        "bin/busybox": _program(tools.program("busybox")),
        "bin/sh": tree.link("busybox"),
        "sbin/modprobe": tree.link("/bin/busybox"),
        "init": tree.Node(tree.PROGRAM, _INIT.encode()),
        "dev/console": tree.Node(tree.CONSOLE, device=(5, 1)),
        **{name: tree.directory() for name in ("proc", "sys", "root", "run", "var")},
        "var/run": tree.link("/run"),
    }
    for name in _PROGRAMS:
        program = shutil.which(name)
        assert program, f"{name} is not on this machine"
        found[f"sbin/{name}"] = _program(Path(program))
        said = subprocess.run(("ldd", program), capture_output=True, text=True, check=True).stdout
        for word in said.split():
            if word.startswith("/"):
                found[word.removeprefix("/")] = _program(Path(word))
    shutil.rmtree(directory / "unpacked")
    return found


def _program(path: Path) -> tree.Node:
    return tree.Node(tree.PROGRAM, path.resolve().read_bytes())
