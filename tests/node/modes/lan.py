"""A LAN of the administrator's: a bridge on the host under test, and strangers' machines on it.

Each machine is a namespace with a cable to the bridge; one of them may be the DHCP server, which is
the real dnsmasq.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted
from mallee.model.network.modes import LeaseWanted, ModeWanted
from mallee.node.do.network import namespaces
from tests.node import lab

BRIDGE = "lan0"
SUBNET = "10.99.0.0/24"
ROUTER = "10.99.0.1"
WITHIN_S = 120.0


def wait(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    until = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < until, what
        time.sleep(0.02)


@dataclass(slots=True)
class Machine:
    """A machine on the LAN that is not the cloud's."""

    namespace: str
    mac: str

    def run(self, *argv: str) -> str:
        """Run a program there; return what it prints."""
        return namespaces.run_inside(self.namespace, lambda: process.run(argv)).text


@dataclass(slots=True)
class Lan:
    """The LAN, with its bridge in the namespace of the test."""

    directory: Path
    tag: str
    machines: dict[str, Machine] = field(default_factory=dict[str, Machine])
    servers: dict[str, "subprocess.Popen[bytes]"] = field(
        default_factory=dict[str, "subprocess.Popen[bytes]"]
    )

    def machine(self, name: str, address: str = "") -> Machine:
        """Put a machine on the LAN."""
        namespace, port = f"lan-{self.tag}-{name}", f"p-{name}"
        namespaces.ensure(namespace)
        pair = ("type", "veth", "peer", "name", "eth0", "netns", namespace)
        process.run(("ip", "link", "add", port, *pair))
        process.run(("ip", "link", "set", port, "master", BRIDGE, "up"))
        mac = f"52:54:00:00:00:{len(self.machines) + 1:02x}"
        made = self.machines[name] = Machine(namespace, mac)
        made.run("ip", "link", "set", "lo", "up")
        made.run("ip", "link", "set", "eth0", "address", mac, "up")
        if address:
            made.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        return made

    def serve(self, name: str, *options: str, router: str = ROUTER) -> None:
        """Let a machine be a DHCP server."""
        leases = self.directory / f"{name}.leases"
        argv = (
            *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0"),
            *(f"--dhcp-leasefile={leases}", f"--pid-file={self.directory / name}.pid"),
            *("--interface=eth0", "--bind-interfaces", "--no-ping", "--user=root"),
            *("--dhcp-authoritative", f"--dhcp-option=option:router,{router}"),
            *(f"--log-facility={self.directory / name}.log", "--log-dhcp", *options),
        )
        where = namespaces.command(self.machines[name].namespace, argv)
        log = self.directory / f"{name}.log"
        log.unlink(missing_ok=True)
        self.servers[name] = subprocess.Popen(where)
        wait(lambda: log.exists() and "DHCP, IP range" in log.read_text(), "no DHCP server")

    def stop(self, name: str) -> None:
        """End a DHCP server."""
        running = self.servers.pop(name, None)
        if running is not None:
            running.send_signal(signal.SIGTERM)
            running.wait()

    def leased(self, name: str) -> dict[str, str]:
        """Return the addresses that a server has lent, with the MAC of who has each."""
        path = self.directory / f"{name}.leases"
        lines = path.read_text().splitlines() if path.exists() else []
        return {line.split()[2]: line.split()[1] for line in lines}


@contextmanager
def opened(directory: Path) -> Generator[Lan]:
    """A LAN that goes away."""
    process.run(("ip", "link", "add", BRIDGE, "type", "bridge"))
    process.run(("ip", "link", "set", BRIDGE, "up"))
    lan = Lan(directory, f"{os.getpid()}")
    try:
        yield lan
    finally:
        for name in list(lan.servers):
            lan.stop(name)
        for one in lan.machines.values():
            namespaces.remove(one.namespace)


def lease(number: int, private_ip: str = "") -> LeaseWanted:
    """An interface for which the LAN's server is asked."""
    return LeaseWanted(
        interface_id=f"eni-{number:017x}",
        instance_id=f"i-{number:017x}",
        vpc_id=f"vpc-{1:017x}",
        mac=f"02:00:00:00:00:{number:02x}",
        private_ip=private_ip,
    )


def wanted(*leases: LeaseWanted, device: str = BRIDGE) -> HostWanted:
    """What a host is told that has these interfaces, and no VPC yet."""
    mode = ModeWanted(kind="system", device=device, subnet=SUBNET, leases=leases)
    return replace(lab.make_wanted(), mode=mode)
