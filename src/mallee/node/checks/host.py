"""Looks at the host itself: its links, names, limits, certificate, and rules of others.

Each check is a function that returns what it found in a few words, or raises `Trouble`. The agent
runs them for who asks the cloud (`checks.answers`), `mallee doctor` on the machine it runs on.
Only looks; nothing is put right here.
"""

import errno
import json
import os
import resource
import secrets
import shutil
import socket
import struct
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mallee.kit import pki, process
from mallee.model.hosts.ailments import Ailment, Code
from mallee.model.hosts.checks import Finding
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.node import facts, kvmproof
from mallee.node.checks import (
    interfaces,
    machine,
    rules,
    surroundings,
    switchports,
    troubles,
)
from mallee.node.checks.troubles import Trouble
from mallee.node.do.network import uplink
from mallee.node.gateways import landmarks, lookout, nexthops
from mallee.node.gateways.outlook import Hop, Look

LIBVIRT_S = 5.0
"""How long libvirtd is waited for."""
NAMES_S = 1.0
"""How long a name server is waited for."""
CERTIFICATE_S_MIN = 2 * 86400.0
"""A certificate that ends sooner should have been renewed."""
OPEN_FILES_MIN = 4096
FILES_PERCENT_MAX = 90
DISK_PERCENT_MIN = 5
_DNS_PORT = 53
_LEGACY = "iptables-legacy-save"
_BRIDGES_ASK = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


Check = Callable[[Layout], str]


def examine(layout: Layout, wanted: HostWanted | None = None) -> tuple[Finding, ...]:
    """Do all checks; with what is wanted of the host, those of what only an agent has."""
    found = [one for subject, check in CHECKS for one in run(subject, partial(check, layout))]
    if wanted is not None:
        found += run("address ranges", lambda: _routes(wanted))
        found += run("libvirt", lambda: _libvirt(layout))
        found += run("acceleration", lambda: _acceleration(layout))
        if lookout.is_looked_at(wanted):
            found += run("way to the world", lambda: find_way_out(wanted.landmarks))
        for subject, check in machine.CHECKS:
            found += run(subject, partial(check, layout))
        for subject, look in surroundings.checks(layout, wanted):
            found += run(subject, look)
        if wanted.mode is not None:
            found += run("network mode", lambda: _mode(layout, wanted))
    return tuple(found)


def run(subject: str, check: Callable[[], str]) -> tuple[Finding, ...]:
    """Do one check; what cannot be looked at is a finding too."""
    try:
        return (Finding(subject=subject, ok=True, text=check()),)
    except Trouble as trouble:
        return tuple(_finding(subject, one) for one in trouble.ailments)
    except (process.Failed, process.TimedOut, OSError) as error:
        cure = "run it as root, and see that programs are there: mallee doctor"
        ailment = Ailment(Code.CANNOT_LOOK, str(error), cure)
        return (_finding(subject, ailment, "cannot be looked at"),)


def _finding(subject: str, one: Ailment, text: str = "not well") -> Finding:
    return Finding(
        subject=subject, ok=False, text=text, code=one.code.value, cause=one.cause, cure=one.cure
    )


def fetch_links() -> list[dict[str, Any]]:
    """Return the links of the host's namespace as the kernel tells of them."""
    return json.loads(process.run(("ip", "-json", "-details", "address", "show")).text)


def fetch_router(device: str) -> str:
    """Return the router to which a card's network leads what is for elsewhere; empty: none."""
    said = process.run(("ip", "-json", "-4", "route", "show", "default", "dev", device)).text
    return next((one["gateway"] for one in json.loads(said or "[]") if "gateway" in one), "")


def fetch_routers6() -> frozenset[str]:
    """Return by which routers IPv6 leaves this host as its administrator has said, no router."""
    said = process.run(("ip", "-json", "-6", "route", "show", "default")).text
    routes = [one for one in json.loads(said or "[]") if one.get("protocol") != "ra"]
    return frozenset(one["gateway"] for one in routes if "gateway" in one)


def fetch_device_of_mode(layout: Layout, wanted: HostWanted | None) -> str:
    """Return in which card or bridge instances stand by the cloud's network mode."""
    return interfaces.device_of_mode(facts.read_classic(layout), wanted)


def _interfaces(layout: Layout) -> str:
    links = fetch_links()
    if found := interfaces.troubles(links):
        raise Trouble(*found)
    return interfaces.summary(links)


def _routes(wanted: HostWanted) -> str:
    """See whether a route of somebody else leads into a range of the cloud's: of public addresses
    always, of private ones where they are in nobody's network but ours."""
    ranges = [wanted.public_range, *([] if wanted.mode else [wanted.private_range])]
    listed = json.loads(process.run(("ip", "-json", "-4", "route", "show", "table", "all")).text)
    if wanted.mode is None and (found := interfaces.foreign_routes(listed, *ranges)):
        raise Trouble(*found)
    return f"{', '.join(ranges)}: no route of somebody else leads there"


def _mode(layout: Layout, wanted: HostWanted) -> str:
    """See whether the card or bridge is there in which instances shall stand."""
    device = fetch_device_of_mode(layout, wanted)
    is_lan = wanted.mode is not None and wanted.mode.kind != "managed"
    if found := interfaces.mode_troubles(device, fetch_links(), is_lan=is_lan):
        raise Trouble(*found)
    if wanted.mode is not None and wanted.mode.switch == "openvswitch":
        return switchports.find(device)
    return f"instances stand in {device}"


def find_way_out(named: tuple[str, ...] = ()) -> str:
    """See whether the next hop to the world answers, and somebody beyond it of those that shall:
    what has no carrier is told of elsewhere."""
    hops, links = nexthops.fetch(), nexthops.fetch_links()
    looks = {hop: nexthops.look(hop, links) for hop in hops}
    if silent := [hop for hop, look in looks.items() if look is Look.SILENT]:
        raise Trouble(*(_silent(hop, links) for hop in silent))
    well = [hop for hop, look in looks.items() if look is Look.WELL]
    if well and named and not landmarks.answering(named, [one.device for one in well]):
        raise Trouble(_nobody_beyond(well, named))
    said = ", ".join(f"{hop.address or 'everybody'} by {hop.device}" for hop in well)
    return f"it begins with {said}" if said else "there is none"


def _nobody_beyond(well: Sequence[Hop], named: Sequence[str]) -> Ailment:
    hops = ", ".join(f"{hop.address or hop.device}" for hop in well)
    cause = f"{hops}, the next hop to the world, answers, and none of {', '.join(named)} does"
    cure = f"see where that router leads: ip route get {named[0]}; and whether they answer "
    return Ailment(Code.WORLD_SILENT, cause, f"{cure}pings at all: network.landmarks")


def _silent(hop: Hop, links: nexthops.Links) -> Ailment:
    ports = nexthops.ailing_ports(hop.device, links)
    beside = f" ({', '.join(ports)} has no carrier)" if ports else ""
    cause = f"{hop.address}, the next hop to the world, does not answer by {hop.device}{beside}"
    cure = "see whether that router runs, and what is between"
    return Ailment(Code.ROUTER_SILENT, cause, f"{cure}: ip neigh show {hop.address}")


def _libvirt(layout: Layout) -> str:
    try:
        said = process.run(("virsh", "-c", layout.libvirt_uri, "version"), timeout_s=LIBVIRT_S).text
    except (process.Failed, process.TimedOut) as error:
        cause = f"this host's libvirtd does not answer: {error}"
        troubles.tell(Code.LIBVIRT_SILENT, cause, "mallee logs libvirtd; mallee up starts it again")
    return said.strip().splitlines()[-1]


def _acceleration(layout: Layout) -> str:
    verdict = kvmproof.read_verdict(layout)
    again = "mallee kvm prove && mallee down && mallee up  (guests go on running)"
    if verdict is None:
        troubles.tell(Code.KVM_UNPROVED, "KVM was not proved, so guests are emulated", again)
    if verdict.proved_for != kvmproof.fetch_subject():
        said = f"the verdict on KVM is about another kernel or QEMU: {verdict.proved_for}"
        troubles.tell(Code.KVM_UNPROVED, said, again)
    return f"{verdict.acceleration}: {verdict.reason}"


def _firewall(layout: Layout) -> str:
    listed = json.loads(process.run(("nft", "-json", "list", "ruleset")).text)["nftables"]
    if found := [*rules.troubles(listed), *_legacy_rules()]:
        raise Trouble(*found, *_bridge_filter())
    return "no rules of others stop packets"


def _legacy_rules() -> list[Ailment]:
    """Look at the rules that nft does not show: there are some when the kernel has their tables."""
    try:
        tables = Path("/proc/net/ip_tables_names").read_text().split()
    except FileNotFoundError:
        return []
    if not tables:
        return []
    if shutil.which(_LEGACY) is None:
        cause = f"the kernel has tables of iptables-legacy ({', '.join(tables)}): nobody shows them"
        return [Ailment(Code.FIREWALL_LEGACY, cause, "apt-get install iptables")]
    return rules.legacy_troubles(process.run((_LEGACY,)).text)


def _bridge_filter() -> list[Ailment]:
    """See whether those rules are asked about frames that cross the host's bridges as well."""
    try:
        is_on = _BRIDGES_ASK.read_text().strip() == "1"
    except FileNotFoundError:
        return []
    if not is_on:
        return []
    cause = "frames that cross bridges are put to iptables' rules (br_netfilter)"
    return [Ailment(Code.BRIDGE_FILTERED, cause, "sysctl net.bridge.bridge-nf-call-iptables=0")]


def _names(layout: Layout) -> str:
    servers = uplink.fetch_resolvers()
    if not servers:
        troubles.tell(
            Code.NAMES_NONE,
            "/etc/resolv.conf names no server that guests could ask",
            "put one in: nameserver 192.0.2.53 (yours)",
        )
    silent = [one for one in servers if not _answers_names(one)]
    if silent:
        troubles.tell(
            Code.NAMES_SILENT,
            f"the name server {', '.join(silent)} does not answer",
            "see whether it runs and is reached, or name another one in /etc/resolv.conf",
        )
    return f"{', '.join(servers)} answer"


def _answers_names(server: str) -> bool:
    """Ask for the root's name servers, as every server can be; any answer will do."""
    number = secrets.token_bytes(2)
    question = number + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + b"\0" + struct.pack("!HH", 2, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(NAMES_S)
        for _ in range(2):
            try:
                asking.sendto(question, (server, _DNS_PORT))
                if asking.recv(512)[:2] == number:
                    return True
            except OSError:
                continue
    return False


def _limits(layout: Layout) -> str:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES_MIN:
        troubles.tell(
            Code.FILES_FEW,
            f"this process may open {soft} files, and {OPEN_FILES_MIN} are needed",
            "raise it before mallee up: ulimit -n 65536",
        )
    used, _, most = map(int, Path("/proc/sys/fs/file-nr").read_text().split())
    if used * 100 > most * FILES_PERCENT_MAX:
        troubles.tell(
            Code.FILES_FULL,
            f"{used} of the {most} files that the machine may open are open",
            "find who has them: lsof | awk '{print $1}' | sort | uniq -c | sort -n | tail",
        )
    return f"{soft} files for a process, {used} of {most} open"


def _loops(layout: Layout) -> str:
    control = Path("/dev/loop-control")
    try:
        os.close(os.open(control, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            raise
        cause = f"there are no loop devices: {error.strerror}"
        raise Trouble(Ailment(Code.LOOP_MISSING, cause, "modprobe loop")) from error
    used = [one for one in Path("/sys/block").glob("loop*") if (one / "loop").is_dir()]
    return f"{len(used)} loop devices in use, more can be had"


def _disk(layout: Layout) -> str:
    there = os.statvfs(layout.root)
    free_percent = there.f_bavail * 100 // max(there.f_blocks, 1)
    inodes_percent = there.f_favail * 100 // there.f_files if there.f_files else 100
    least = min(free_percent, inodes_percent)
    if least < DISK_PERCENT_MIN:
        what = "space" if free_percent == least else "room for files (inodes)"
        troubles.tell(
            Code.DISK_FULL,
            f"only {least} % of the {what} under {layout.root} are free",
            "make room there, or move instances away: mallee hosts drain",
        )
    return f"{free_percent} % free under {layout.root}"


def _certificate(layout: Layout) -> str:
    try:
        issued = pki.read_certificate(_first_certificate(layout.host_certificate.read_bytes()))
    except FileNotFoundError:
        return "this machine is no host yet"
    except pki.BadCertificate as error:
        cure = "join again with another invitation: mallee node join"
        raise Trouble(Ailment(Code.CERTIFICATE_ENDING, str(error), cure)) from error
    left_s = issued.ends_at - time.time()
    if left_s < CERTIFICATE_S_MIN:
        ended = "has ended" if left_s < 0 else f"ends in {left_s / 3600:.0f} hours"
        troubles.tell(
            Code.CERTIFICATE_ENDING,
            f"this host's certificate {ended}, and should have been renewed",
            "mallee logs node says why; a host with an ended one joins again: mallee node join",
        )
    return f"good for {left_s / 86400:.0f} days"


def _first_certificate(pem: bytes) -> bytes:
    """Return the first certificate of a file that may have a key as well."""
    begin = pem.find(b"-----BEGIN CERTIFICATE-----")
    return pem[begin:] if begin >= 0 else pem


CHECKS: tuple[tuple[str, Check], ...] = (
    ("interfaces", _interfaces),
    ("firewall", _firewall),
    ("names", _names),
    ("limits", _limits),
    ("loop devices", _loops),
    ("free disk", _disk),
    ("certificate", _certificate),
)
