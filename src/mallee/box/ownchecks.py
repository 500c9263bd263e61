"""What is looked at on this machine and in its cloud: each thing by a function that only looks.

A check returns words when all is well, and raises `Failed` with cause and cure else; which code its
trouble has stands in the table at the end, in the order in which one would put things right. Checks
that need a running cloud raise `client.Unreachable` instead of guessing. Called by `doctor`. What
is between hosts is the business of `rounds`, what each host sees of itself of `node.checks`.
"""

import ipaddress
import os
import shutil
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from mallee.box import (
    client,
    clocks,
    guests,
    owners,
    ranges,
    requirements,
    status,
    steps,
)
from mallee.kit import clock, pki, process
from mallee.model.configuration import settings
from mallee.model.hosts.ailments import Code
from mallee.model.layout import Layout
from mallee.node import kvmproof, membership
from mallee.node.checks import machine

FREE_DISK_GIB_MIN = 2
ROTATION_S_MAX = 300.0
"""After which a rotation of the master key that is not done is in trouble."""
AUTHORITY_DAYS_MIN = 3
"""A certificate that ends sooner should have been renewed."""
_YEAR_MIN = 2025


@dataclass(frozen=True, slots=True)
class Patient:
    """What the checks look at."""

    layout: Layout
    settings: settings.Settings
    access: client.Access | None
    """None when the cloud does not run."""


def _directories(patient: Patient) -> str:
    wrong = owners.fetch_wrong(patient.layout)
    if wrong:
        raise steps.Failed(
            f"owner or mode is not as it should be: {', '.join(map(str, wrong))}",
            "mallee doctor --fix",
        )
    return "owners and modes are right"


def _machine(patient: Patient) -> str:
    requirements.check()
    return "root rights, all programs, a program that the cloud's user can read"


def _kvm(patient: Patient) -> str:
    verdict = kvmproof.read_verdict(patient.layout)
    if verdict is None:
        if patient.access is None:
            return "not proved yet: guests will be emulated until it is"
        raise steps.Failed(
            "KVM was not proved, so guests are emulated",
            "mallee images build tiny && mallee kvm prove && mallee down && mallee up",
        )
    if verdict.proved_for != kvmproof.fetch_subject():
        raise steps.Failed(
            f"the verdict on KVM is about another kernel or QEMU: {verdict.proved_for}",
            "mallee down && mallee up  (guests go on running)",
        )
    return f"{verdict.acceleration}: {verdict.reason}"


def _address_ranges(patient: Patient) -> str:
    network = patient.settings.network
    ours = (f"by {patient.layout.host_link}", "by unreachable")
    foreign = [pair for pair in ranges.fetch_routes() if not pair[1].endswith(ours)]
    own = ranges.own(network)
    for name, text in own.items():
        way = ranges.clash(text, ranges.lendable(text, foreign) if name == "public" else foreign)
        if way is not None:
            raise steps.Failed(
                f"the {name} range {text} overlaps a route of this host: {way}",
                f"take that route away, or make the cloud with another --{name}-range",
            )
    said = ", ".join(f"{name} {text}" for name, text in own.items())
    return f"{said}: nobody else's" if own else "all addresses are the network's, of this host too"


def _safety_net(patient: Patient) -> str:
    """See that packets to our ranges never leave by the uplink when our own routes are gone."""
    if patient.access is None:
        return "the cloud does not run: no packet is for an instance"
    text = process.run(["ip", "-4", "route", "show", "type", "unreachable"]).text
    standing = {line.split()[1] for line in text.splitlines() if line.startswith("unreachable")}
    own = ranges.own(patient.settings.network).values()
    missing = [one for one in own if one not in standing]
    if missing:
        raise steps.Failed(
            f"the unreachable routes of {', '.join(missing)} do not stand: packets for instances "
            "could leave by this host's uplink",
            "mallee logs node; the agent sets them within seconds while it runs",
        )
    return "unreachable routes stand behind the cloud's own ranges"


def _ports(patient: Patient) -> str:
    if patient.access is not None and status.find(patient.layout, "cloud") is not None:
        return f"{patient.access.endpoint} is ours"
    wanted = (patient.settings.ports.services, patient.settings.ports.agents)
    for port in wanted:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((patient.settings.listen, port))
            except OSError as error:
                raise steps.Failed(
                    f"port {port} cannot be taken: {error.strerror}",
                    f"see who has it: ss -ltnp 'sport = :{port}'; or set [ports] in "
                    f"{patient.layout.settings}",
                ) from error
    return f"{wanted[0]} and {wanted[1]} are free"


def _name(patient: Patient) -> str:
    """See that a name on which the cloud listens means the machine to others too."""
    listen = patient.settings.listen
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(listen, None)}
    except socket.gaierror as error:
        raise steps.Failed(
            f"listen is {listen!r}, which nobody knows here: {error.strerror}",
            f"give an address in {patient.layout.settings}: listen",
        ) from error
    return judge_name(listen, found)


def judge_name(listen: str, found: Collection[str]) -> str:
    """Judge what a name or address on which the cloud listens means on this machine."""
    is_meant = listen in (*found, "localhost")
    if not is_meant and all(ipaddress.ip_address(one).is_loopback for one in found):
        raise steps.Failed(
            f"listen is {listen!r}, which means {', '.join(sorted(found))} here: nobody else "
            "reaches the cloud",
            f"give the machine's own address there, or in /etc/hosts (as 127.0.1.1 {listen} is of "
            "Debian's installer)",
        )
    return f"listens on {', '.join(sorted(found))}"


def _disk(patient: Patient) -> str:
    at = patient.layout.root
    while not at.exists():
        at = at.parent
    free_gib = shutil.disk_usage(at).free / (1 << 30)
    if free_gib < FREE_DISK_GIB_MIN:
        raise steps.Failed(
            f"only {free_gib:.1f} GiB are free under {at}",
            "make room, or give the cloud another disk with --root",
        )
    return f"{free_gib:.0f} GiB free under {at}"


def _time(patient: Patient) -> str:
    year = time.gmtime().tm_year
    if year < _YEAR_MIN:
        raise steps.Failed(
            f"this machine's clock says {year}: signatures and certificates would be refused",
            "set the clock, or start a time service: apt-get install systemd-timesyncd",
        )
    clocks.check_certificates(patient.layout, time.time())
    clocks.check_cloud(patient.layout, clock.SYSTEM)
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())


def _daemons(patient: Patient) -> str:
    layout = patient.layout
    names = (status.SUPERVISOR, *status.daemons(layout))
    running = {name: status.find(layout, name) for name in names}
    if not any(running.values()):
        if patient.access is None and not membership.is_node(layout):
            return "none runs, and none should (mallee up starts them)"
        raise steps.Failed("no daemon runs", "mallee up")
    dead = [name for name, found in running.items() if found is None]
    if dead:
        raise steps.Failed(
            f"{', '.join(dead)} does not run", f"mallee up; read {layout.log / (dead[0] + '.err')}"
        )
    report: dict[str, Any] = status.read_report(layout).get("daemons", {})
    restless = [name for name, one in report.items() if one["starts"] > 3]
    if restless:
        raise steps.Failed(
            f"{', '.join(restless)} ended again and again: {report[restless[0]]['last_end']}",
            f"read {layout.log / (restless[0] + '.err')} and {layout.log / (restless[0] + '.log')}",
        )
    return ", ".join(f"{name} {found.pid}" for name, found in running.items() if found)


def _libvirt(patient: Patient) -> str:
    if status.find(patient.layout, "libvirtd") is None:
        return "does not run"
    uri = patient.layout.libvirt_uri
    try:
        said = process.run(["virsh", "-c", uri, "version"], timeout_s=30).text
    except (process.Failed, process.TimedOut) as error:
        raise steps.Failed(
            f"our libvirtd does not answer: {error}", f"read {patient.layout.log}/libvirtd.err"
        ) from error
    return said.strip().splitlines()[-1]


def _host(patient: Patient) -> str:
    if patient.access is None:
        return "the cloud does not run"
    hosts = client.call(patient.access, "mallee", "DescribeHosts")["Hosts"]
    if not hosts:
        raise steps.Failed("no host has joined", "mallee up; mallee logs node")
    for host in hosts:
        if host["State"] == "NOTREADY":
            silence_s = host.get("SecondsSinceHeard")
            last = "" if silence_s is None else f", last heard {silence_s} s ago"
            raise steps.Failed(
                f"{host['Name']} is NOTREADY{last}",
                "on that host: mallee status; mallee logs node",
            )
        if host.get("Problems"):
            raise steps.Failed(f"{host['Name']}: {'; '.join(host['Problems'])}", "as it says")
    return ", ".join(f"{host['Name']} {host['State']}" for host in hosts)


def _objects(patient: Patient) -> str:
    if patient.access is None:
        return "the cloud does not run"
    if not client.serves_objects(patient.access):
        raise steps.Failed(
            f"S3 does not answer at {patient.access.endpoint}",
            f"mallee logs s3; it keeps objects under {patient.layout.objects}",
        )
    return f"S3 at {patient.access.endpoint}"


def _secrets(patient: Patient) -> str:
    if patient.access is None:
        return "the cloud does not run"
    found = client.call(patient.access, "mallee", "DescribeMasterKey")
    for rotation in found["Rotations"]:
        age_s = time.time() - rotation["RequestedAt"].timestamp()
        if rotation["State"] in ("requested", "resealing") and age_s > ROTATION_S_MAX:
            raise steps.Failed(
                f"{rotation['RotationId']} of the master key does not come to its end: "
                f"{found['RecordsUnderOlderKeys']} records are sealed under older keys",
                f"mallee logs cloud says why; a key that is missing goes back into "
                f"{patient.layout.master_key}, on a line of its own at the end",
            )
    older = len(found["OlderKeyIds"])
    return f"under master key {found['KeyId']}" + (f", {older} older for sessions" if older else "")


def _authority(patient: Patient) -> str:
    """See how long the certificates are good by which hosts know the cloud."""
    said: list[str] = []
    for name in ("authority", "server"):
        path = patient.layout.cloud_pki / f"{name}.pem"
        if not path.exists():
            continue
        begin = path.read_bytes()
        issued = pki.read_certificate(begin[begin.find(b"-----BEGIN CERTIFICATE-----") :])
        left_days = (issued.ends_at - time.time()) / pki.DAY_S
        if left_days < AUTHORITY_DAYS_MIN:
            again = "mallee authority rotate"
            raise steps.Failed(
                f"the certificate of the cloud's {name} ends in {left_days:.0f} days",
                "mallee down && mallee up issues it anew" if name == "server" else again,
            )
        said.append(f"{name} for {left_days:.0f} days")
    return ", ".join(said) or "there is none yet"


def _front_ends(patient: Patient) -> str:
    """See that the others go by the same settings: each has a file of its own."""
    if patient.access is None:
        return "the cloud does not run"
    found = client.call(patient.access, "mallee", "DescribeFrontEnds")["FrontEnds"]
    others = [one["Name"] for one in found if one["SettingsDiffer"]]
    if others:
        raise steps.Failed(
            f"front ends have other settings than this one: {', '.join(sorted(others))}",
            "mallee config show there and here; where they are right: mallee config show --secrets "
            "> right.toml && mallee config apply right.toml",
        )
    return f"{len(found) or 1} with the same settings"


def _leftovers(patient: Patient) -> str:
    running = len(guests.fetch(patient.layout))
    if patient.access is None:
        if running and not status.find(patient.layout, status.SUPERVISOR):
            raise steps.Failed(f"{running} guests run without a cloud", "mallee up")
        return "none"
    for host in client.call(patient.access, "mallee", "DescribeHosts")["Hosts"]:
        if host.get("Leftovers"):
            raise steps.Failed(
                f"{host['Name']} carries what nobody owns: {'; '.join(host['Leftovers'])}",
                "the agent keeps disks under node/lost and removes the rest by itself",
            )
    lost = patient.layout.lost
    kept = len(os.listdir(lost)) if lost.exists() else 0
    return f"{running} guests run; {kept} disks that nobody claims are kept in {lost}"


@dataclass(frozen=True, slots=True)
class Check:
    """What is looked at, and what is wrong when `look` fails."""

    subject: str
    look: Callable[[Patient], str]
    code: Code


ALL: tuple[Check, ...] = (
    Check("machine", _machine, Code.MACHINE_INCOMPLETE),
    Check("directories", _directories, Code.DIRECTORIES_WRONG),
    Check("clock", _time, Code.CLOCK_WRONG),
    Check("disk", _disk, Code.DISK_FULL),
    Check("volumes", lambda patient: machine.find_volumes(patient.layout), Code.VOLUMES_UNUSABLE),
    Check("memory", lambda patient: machine.find_memory(patient.layout), Code.MEMORY_SHORT),
    Check("acceleration", _kvm, Code.KVM_UNPROVED),
    Check("address ranges", _address_ranges, Code.RANGE_ROUTED),
    Check("name", _name, Code.NAME_LOOPS),
    Check("ports", _ports, Code.PORT_TAKEN),
    Check("daemons", _daemons, Code.DAEMON_DOWN),
    Check("libvirt", _libvirt, Code.LIBVIRT_SILENT),
    Check("host", _host, Code.HOST_TROUBLED),
    Check("object store", _objects, Code.OBJECTS_SILENT),
    Check("authority", _authority, Code.AUTHORITY_ENDING),
    Check("secrets", _secrets, Code.ROTATION_STUCK),
    Check("front ends", _front_ends, Code.FRONT_ENDS_DIFFER),
    Check("routes", _safety_net, Code.ROUTE_MISSING),
    Check("leftovers", _leftovers, Code.LEFTOVERS),
)
_OF_CLOUDS = frozenset(
    {
        "address ranges",
        "name",
        "ports",
        "host",
        "object store",
        "secrets",
        "front ends",
        "routes",
        "leftovers",
        "authority",
    }
)
OF_A_NODE = tuple(one for one in ALL if one.subject not in _OF_CLOUDS)
"""Those of a machine that belongs to a cloud elsewhere."""
