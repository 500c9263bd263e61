"""Looks at what other programs of a machine do to its network, its clock and our programs.

Network managers that take our links for theirs, switches of the kernel that somebody turned back,
confinement by AppArmor and SELinux, a routing daemon without neighbours. Judgements of texts that
the kernel and these programs show; a check returns a few words, or raises `Trouble`. Only looks:
all of this is somebody's choice. Called by `checks.host`.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mallee.kit import process
from mallee.model.hosts.ailments import Ailment, Code
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.node.checks import interfaces, troubles
from mallee.node.checks.troubles import Trouble
from mallee.node.do.network import links

ENTROPY_BITS_MIN = 128
_SLOW_CLOCKS = frozenset({"jiffies", "refined-jiffies", "pit", "acpi_pm", "hpet"})
_STRICT = "1"
_LISTEN, _ESTABLISHED, _BGP = "0A", "01", 179
_CONFINED = ("dnsmasq", "qemu-system-x86_64", "qemu-img")
_RENDERED = (
    "etc/netplan/50-cloud-init.yaml",
    "etc/network/interfaces.d/50-cloud-init",
    "etc/NetworkManager/system-connections/cloud-init-*",
)


@dataclass(frozen=True, slots=True)
class Place:
    """What is looked at: a host, and where its files begin."""

    layout: Layout
    wanted: HostWanted
    top: Path = Path("/")


def find_forwarding(at: Place) -> str:
    """See that what leads guests to the world may still forward, and takes what the world sends."""
    if not at.wanted.egress:
        return "guests have no way to the world"
    best, others = world_devices()
    mode = at.wanted.mode
    if mode is not None and mode.is_gateway and mode.uplink and mode.uplink not in best:
        others = (*others, mode.uplink)
    off = [one for one in best if links.read_switch(f"net/ipv4/conf/{one}/forwarding") == "0"]
    found = [_forwarding_off(one) for one in off]
    found += [_path_checked(one, best) for one in dict.fromkeys(others) if _is_strict(one)]
    if found:
        raise Trouble(*found)
    return f"{', '.join((*best, *others)) or 'no card'} lets guests out, and answers in"


def world_devices() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return by which cards packets leave for the world, and which others could lead there."""
    said = process.run(("ip", "-json", "-4", "route", "show", "default")).text
    routes = [one for one in json.loads(said or "[]") if one.get("type", "unicast") == "unicast"]
    least = min((one.get("metric", 0) for one in routes), default=0)
    by_route = [
        (one.get("metric", 0), way.get("dev", ""))
        for one in routes
        for way in one.get("nexthops", (one,))
    ]
    best = {device for metric, device in by_route if metric == least and device}
    return tuple(sorted(best)), tuple(sorted({device for _, device in by_route} - best - {""}))


def _is_strict(device: str) -> bool:
    """Whether the kernel drops what comes in by a card by which its answer would not leave."""
    kept = (links.read_switch(f"net/ipv4/conf/{one}/rp_filter") for one in ("all", device))
    return max(one or "0" for one in kept) == _STRICT


def _forwarding_off(device: str) -> Ailment:
    cause = f"{device}, by which guests reach the world, does not forward: somebody has switched "
    cause += "it off"
    cure = "the agent switches it on again by itself; find who does so: grep -r forward "
    cure += f"/etc/sysctl.d /etc/sysctl.conf; then sysctl net.ipv4.conf.{device}.forwarding=1"
    return Ailment(Code.FORWARDING_OFF, cause, cure)


def _path_checked(device: str, best: Iterable[str]) -> Ailment:
    cause = f"what the world sends by {device} is dropped, as answers leave by "
    cause += f"{', '.join(best) or 'no card'} (rp_filter is strict)"
    cure = f"sysctl net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.{device}.rp_filter=2, and in "
    cure += "/etc/sysctl.d; or let both go one way"
    return Ailment(Code.PATH_CHECKED, cause, cure)


def find_managers(at: Place) -> str:
    """See that no network manager takes our links for its own, or writes the network anew."""
    found = [*_managed(at)]
    if at.wanted.mode is not None and (rendered := _rewritten(at.top)):
        cause = f"cloud-init writes {rendered} at each start: a bridge that was made there for "
        cause += "instances is gone then"
        cure = "printf 'network: {config: disabled}' > /etc/cloud/cloud.cfg.d/99-network.cfg"
        found.append(Ailment(Code.NETWORK_REWRITTEN, cause, cure))
    if found:
        raise Trouble(*found)
    return "no other program manages the cloud's links"


def _managed(at: Place) -> Iterator[Ailment]:
    ours = {name: number for number, name in _indices() if interfaces.is_ours(name)}
    by_networkd = [one for one in ours if "NETWORK_FILE=" in _text(at, "systemd/netif", ours[one])]
    if by_networkd:
        cause = f"systemd-networkd takes {', '.join(by_networkd)} for its own"
        cure = "let its files name their cards: a [Match] of Name=* means the cloud's links too; "
        cure += "networkctl list"
        yield Ailment(Code.LINKS_MANAGED, cause, cure)
    by_manager = [one for one in ours if "managed=true" in _text(at, "NetworkManager", ours[one])]
    if by_manager:
        cause = f"NetworkManager takes {', '.join(by_manager)} for its own"
        cure = "in /etc/NetworkManager/conf.d/mallee.conf: [keyfile] unmanaged-devices="
        cure += "interface-name:ml-*;interface-name:mj*; then nmcli general reload"
        yield Ailment(Code.LINKS_MANAGED, cause, cure)


def _indices() -> Iterator[tuple[int, str]]:
    listed = json.loads(process.run(("ip", "-json", "link", "show")).text)
    yield from ((one["ifindex"], one["ifname"]) for one in listed)


def _text(at: Place, program: str, index: int) -> str:
    folder = "links" if program.startswith("systemd") else "devices"
    try:
        return (at.top / "run" / program / folder / str(index)).read_text()
    except FileNotFoundError:
        return ""


def _rewritten(top: Path) -> str:
    """Return what cloud-init writes; empty: nothing, or it was told to leave the network alone."""
    if (top / "etc/cloud/cloud-init.disabled").exists() or not (top / "etc/cloud").is_dir():
        return ""
    for one in sorted((top / "etc/cloud").glob("**/*.cfg")):
        said = "".join(one.read_text().split())
        if "network:{config:disabled}" in said or "network:config:disabled" in said:
            return ""
    found = (one for pattern in _RENDERED for one in sorted(top.glob(pattern)))
    return next((f"/{one.relative_to(top)}" for one in found), "")


def find_confinement(at: Place) -> str:
    """See that AppArmor and SELinux let programs into the host's directories."""
    profiles = at.top / "sys/kernel/security/apparmor/profiles"
    enforcing = at.top / "sys/fs/selinux/enforce"
    if profiles.exists():
        _judge_profiles(at, profiles.read_text())
    if enforcing.exists() and enforcing.read_text().strip() == "1":
        _judge_label(at.layout, _label(at.layout.instances))
    return "programs of guests are not confined"


def _judge_profiles(at: Place, listed: str) -> None:
    strict = [line.split()[0] for line in listed.splitlines() if line.endswith("(enforce)")]
    for path in (one for one in strict if one.rpartition("/")[2] in _CONFINED):
        name = path.strip("/").replace("/", ".")
        local = at.top / "etc/apparmor.d/local" / name
        if local.exists() and str(at.layout.root) in local.read_text():
            continue
        troubles.tell(
            Code.PROGRAMS_CONFINED,
            f"AppArmor confines {path}, and nothing says that it may use {at.layout.root}",
            f"echo '{at.layout.root}/** rwk,' >> /etc/apparmor.d/local/{name} && apparmor_parser "
            f"-r /etc/apparmor.d/{name}",
        )


def _label(path: Path) -> str:
    try:
        return os.getxattr(path, "security.selinux").decode(errors="replace").strip("\0")
    except OSError:
        # No label at all, or no directory yet.
        return ""


def _judge_label(layout: Layout, label: str) -> None:
    if "virt" in label:
        return
    troubles.tell(
        Code.PROGRAMS_CONFINED,
        f"SELinux is enforced, and {layout.instances} is labelled {label or 'by nobody'}: QEMU "
        "may not use it",
        f"semanage fcontext -a -t virt_image_t '{layout.root}(/.*)?' && restorecon -R "
        f"{layout.root}",
    )


def find_clock(at: Place) -> str:
    """See from what the kernel reads time: each read of a slow source leaves the processor."""
    known = at.top / "sys/devices/system/clocksource/clocksource0"
    try:
        source = (known / "current_clocksource").read_text().strip()
    except FileNotFoundError:
        return "the kernel does not say from what it reads time"
    if source in _SLOW_CLOCKS:
        others = (known / "available_clocksource").read_text().split()
        better = [one for one in others if one not in _SLOW_CLOCKS]
        cure = f"echo {better[0]} > {known}/current_clocksource" if better else ""
        cure = (
            cure or "see why the kernel distrusts the better ones: dmesg | grep -i -e tsc -e clock"
        )
        troubles.tell(
            Code.CLOCK_COARSE,
            f"the kernel reads time from {source}, which is slow or inexact: guests and signatures "
            "wait for it",
            cure,
        )
    return f"read from {source}; the time zone is {time.strftime('%Z')}"


def find_entropy(at: Place) -> str:
    """See that the kernel has randomness for keys."""
    bits = int((at.top / "proc/sys/kernel/random/entropy_avail").read_text())
    if bits < ENTROPY_BITS_MIN:
        troubles.tell(
            Code.ENTROPY_SHORT,
            f"the kernel has {bits} bits of randomness: keys and certificates wait",
            "give the machine a source: a virtio-rng device where it is virtual itself; "
            "apt-get install rng-tools5 or haveged",
        )
    return f"{bits} bits of randomness"


def find_routing(at: Place) -> str:
    """See with whom a routing daemon of this machine speaks BGP."""
    names = ("tcp", "tcp6")
    tables = [at.top / "proc/net" / one for one in names]
    return judge_bgp([one.read_text() for one in tables if one.exists()])


def judge_bgp(tables: Iterable[str]) -> str:
    """Judge the texts of `/proc/net/tcp` and `tcp6`."""
    lines = [line.split() for text in tables for line in text.splitlines()[1:]]
    ends = [(_port(one[1]), _port(one[2]), one[3]) for one in lines]
    listens = any(own == _BGP and state == _LISTEN for own, _, state in ends)
    spoken = sum(_BGP in (own, his) and state == _ESTABLISHED for own, his, state in ends)
    if listens and not spoken:
        troubles.tell(
            Code.BGP_ALONE,
            "a routing daemon waits for BGP at port 179, and no neighbour speaks with it: routes "
            "that it should tell of, or learn, are not there",
            "see its neighbours: birdc show protocols, or vtysh -c 'show bgp summary'; and rules "
            "that stop TCP 179",
        )
    return f"BGP is spoken with {spoken}" if spoken else "no BGP is spoken here"


def _port(end: str) -> int:
    return int(end.rpartition(":")[2], 16)


CHECKS: Mapping[str, Callable[[Place], str]] = {
    "forwarding": find_forwarding,
    "network managers": find_managers,
    "confinement": find_confinement,
    "clock source": find_clock,
    "randomness": find_entropy,
    "routing daemons": find_routing,
}
"""By what each is about."""


def checks(layout: Layout, wanted: HostWanted) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield what is to be looked at on a host, with its subject."""
    at = Place(layout, wanted)
    for subject, check in CHECKS.items():
        yield subject, partial(check, at)
