"""Brings the cloud on this machine up, step by step; every step may be done again.

`mallee up` and `faststart` run this list. It makes what is missing, starts the supervisor (by
systemd where that runs), and ends when the cloud answers and its own host is ready for instances.
Not its business: images (but for a guest to prove KVM by), and anything that users of the cloud do.
"""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from mallee.box import client, owners, requirements, settingstrial, status, steps, systemd
from mallee.images import tiny
from mallee.kit import files
from mallee.model.configuration import settings
from mallee.model.layout import Layout
from mallee.node import kvmproof, membership

CLOUD_READY_S_MAX = 120.0
HOST_READY_S_MAX = 120.0
STARTS_MAX = 5
"""A daemon that was started so often while somebody waits for it will not come."""

Say = Callable[[str], None]


def plan(layout: Layout, first: settings.Settings | None = None) -> tuple[steps.Step, ...]:
    """Return the steps; `first` are the settings of a cloud that has none yet."""
    return (*prepare_steps(layout, first or settings.Settings()), *start_steps(layout))


def prepare_steps(layout: Layout, first: settings.Settings) -> tuple[steps.Step, ...]:
    """Return the steps after which files may be put below the root."""
    return (
        steps.Step("Look at the machine", lambda say: _check()),
        steps.Step("Make users and directories", lambda say: _prepare(layout, first)),
    )


def machine_steps(layout: Layout) -> tuple[steps.Step, ...]:
    """Return the steps that make ready for any daemons, of a cloud or of a host alone."""
    return (
        steps.Step("Look at the machine", lambda say: _check()),
        steps.Step("Make users and directories", lambda say: _prepare_host(layout)),
    )


def guest_step(layout: Layout) -> steps.Step:
    """Return the step that makes the tiny guest where KVM is not proved for want of one: a machine
    that joins a cloud has no images."""
    return steps.Step("Have a guest to prove KVM by", lambda say: _build_guest(layout, say))


def prove_step(layout: Layout) -> steps.Step:
    """Return the step that proves KVM."""
    return steps.Step("Prove KVM", lambda say: _prove(layout))


def daemons_step(layout: Layout) -> steps.Step:
    """Return the step that starts the supervisor, and it the daemons."""
    return steps.Step("Start the daemons", lambda say: _start(layout))


def start_steps(layout: Layout, roles: tuple[str, ...] = ()) -> tuple[steps.Step, ...]:
    """Return the steps from there to a cloud that answers; `roles` are what its own machine does as
    a host, unless it has joined before (none: everything)."""
    return (
        prove_step(layout),
        daemons_step(layout),
        steps.Step("Wait for the cloud's answer", lambda say: _wait_cloud(layout)),
        steps.Step("Wait for the object store", lambda say: _wait_objects(layout)),
        steps.Step("Join this host", lambda say: _join(layout, roles)),
        steps.Step("Wait for the host", lambda say: _wait_host(layout)),
    )


def _check() -> str:
    requirements.check()
    return f"root, {len(requirements.PACKAGES)} programs"


def _prepare(layout: Layout, first: settings.Settings) -> str:
    said = _prepare_host(layout)
    settled = settingstrial.settle(layout)
    owners.ensure_settings(layout, first)
    return f"{said}; {settled}" if settled else said


def _prepare_host(layout: Layout) -> str:
    owners.check_root_path(layout.root)
    said = owners.ensure_user()
    owners.ensure_directories(layout)
    return f"{said}; {layout.root}"


def _build_guest(layout: Layout, say: Say) -> str:
    if not kvmproof.lacks_guest(layout):
        return "none is wanted"
    try:
        tiny.build(layout, say)
    except tiny.CannotBuild as error:
        # Guests run all the same, and the doctor says that they are emulated.
        return f"none: {error}; when that is put right: mallee kvm prove"
    return "made"


def _prove(layout: Layout) -> str:
    verdict = kvmproof.prove(layout)
    return f"{verdict.acceleration}: {verdict.reason}"


def _start(layout: Layout) -> str:
    found = status.find(layout, status.SUPERVISOR)
    if found is not None:
        return f"the supervisor runs already ({found.pid})"
    if systemd.is_running():
        return systemd.start(layout)
    output = layout.log / "supervisor.log"
    with output.open("ab") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "mallee.box.supervisor", "--root", str(layout.root)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            cwd="/",
            env=environment(),
        )
    failure = steps.Failed("the supervisor ended at once", f"read {output}")

    def runs() -> bool:
        if child.poll() is not None:
            raise failure
        return status.find(layout, status.SUPERVISOR) is not None

    steps.wait_until(runs, 10.0, failure)
    return f"supervisor {child.pid}"


def environment() -> dict[str, str]:
    """Return the environment of daemons: nothing of the caller's but where programs are."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH", "TZ") if name in os.environ}
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **kept}


def _wait_cloud(layout: Layout) -> str:
    held = owners.read_settings(layout)
    silent = steps.Failed(f"the cloud did not answer within {CLOUD_READY_S_MAX:g} s", "")
    _wait_daemon(layout, "cloud", lambda: _answers(layout, held), silent)
    return client.read_access(layout, held).endpoint


def _wait_objects(layout: Layout) -> str:
    held = owners.read_settings(layout)
    if held.objects.engine == "elsewhere":
        return "another front end serves S3"
    access = client.read_access(layout, held)
    silent = steps.Failed(f"the object store did not answer within {CLOUD_READY_S_MAX:g} s", "")
    _wait_daemon(layout, "s3", lambda: client.serves_objects(access), silent)
    return f"S3 at {access.endpoint}"


def _wait_daemon(
    layout: Layout, daemon: str, is_ready: Callable[[], bool], silent: steps.Failed
) -> None:
    """Wait until a daemon is ready; raise with what it said when it is not."""
    try:
        steps.wait_until(_lasting(layout, daemon, is_ready), CLOUD_READY_S_MAX, silent)
    except steps.Failed as failure:
        errors = layout.log / f"{daemon}.err"
        raise steps.Failed(
            failure.cause + _last_end(layout, daemon) + _last_line(errors),
            f"read {layout.log / daemon}.log and {errors}",
        ) from None


def _lasting(layout: Layout, daemon: str, is_ready: Callable[[], bool]) -> Callable[[], bool]:
    """Return the same question; asking it raises once the daemon has ended again and again."""
    begun = _starts(layout, daemon)

    def asked() -> bool:
        if is_ready():
            return True
        if _starts(layout, daemon) - begun >= STARTS_MAX:
            raise steps.Failed(f"{daemon} ends whenever it is started", "")
        return False

    return asked


def _starts(layout: Layout, daemon: str) -> int:
    return status.read_report(layout).get("daemons", {}).get(daemon, {}).get("starts", 0)


def _answers(layout: Layout, held: settings.Settings) -> bool:
    if status.find(layout, "cloud") is None:
        return False
    try:
        endpoint = client.read_access(layout, held).endpoint
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(endpoint, timeout=5) as answer:
            return answer.status == 200
    except (client.Unreachable, urllib.error.URLError, OSError):
        return False


def _join(layout: Layout, roles: tuple[str, ...]) -> str:
    member = membership.read(layout)
    if member is not None:
        return f"joined before, as {member.host_id}"
    held = owners.read_settings(layout)
    access = client.read_access(layout, held)
    made = client.call(access, "mallee", "CreateJoinToken")
    token = {
        "url": f"https://{client.own_door(held)}:{made['Port']}",
        "token": made["Token"],
        "ca_pem": made["CaCertificate"],
        "address": settings.reached_at(held),
        "roles": roles,
    }
    files.write_json(layout.join_token, token)
    return "the agent has its token"


def _wait_host(layout: Layout) -> str:
    access = client.read_access(layout, owners.read_settings(layout))
    silent = steps.Failed(f"this machine's agent was not ready within {HOST_READY_S_MAX:g} s", "")
    is_ready = _lasting(layout, "node", lambda: _ready_host(layout, access) is not None)
    try:
        steps.wait_until(is_ready, HOST_READY_S_MAX, silent)
    except steps.Failed as failure:
        log = layout.log
        raise steps.Failed(
            failure.cause + _troubles(layout, access),
            f"read {log}/node.log, {log}/node.err and {log}/libvirtd.err; run: mallee doctor",
        ) from None
    host = _ready_host(layout, access) or {}
    room = host.get("Capacity", {})
    return (
        f"{host.get('Name')}: {host.get('Hypervisor')}, {host.get('Acceleration')}, "
        f"{room.get('Vcpus')} vCPUs, {room.get('MemoryMib')} MiB"
    )


def _troubles(layout: Layout, access: client.Access) -> str:
    hosts = client.call(access, "mallee", "DescribeHosts")["Hosts"]
    said = [f"; {problem}" for host in hosts for problem in host.get("Problems", ())]
    end = _last_end(layout, "node")
    # What libvirtd said last explains an agent that waits, not one that ended.
    errors = layout.log / ("node.err" if end else "libvirtd.err")
    return "".join(said) + end + _last_line(errors)


def _ready_host(layout: Layout, access: client.Access) -> dict[str, Any] | None:
    """Return the host that this machine's agent, as it runs now, has reported."""
    member, agent = membership.read(layout), status.find(layout, "node")
    if member is None or agent is None:
        return None
    for host in client.call(access, "mallee", "DescribeHosts")["Hosts"]:
        # Of a host that is silent the moment is where the cloud began to wait for it.
        is_heard = host["State"] != "NOTREADY"
        is_fresh = host.get("SecondsSinceHeard", float("inf")) < agent.age_s()
        if host["HostId"] == member.host_id and is_heard and is_fresh and host.get("Hypervisor"):
            return host
    return None


def _last_end(layout: Layout, daemon: str) -> str:
    why = status.read_report(layout).get("daemons", {}).get(daemon, {}).get("last_end")
    return f"; its supervisor says: {why}" if why else ""


def _last_line(path: os.PathLike[str]) -> str:
    try:
        with open(path, errors="replace") as file:
            lines = file.read()[-2000:].strip().splitlines()
    except FileNotFoundError:
        return ""
    # What a database or a library says goes on in lines that are indented.
    begun = max((at for at, line in enumerate(lines) if not line[:1].isspace()), default=0)
    said = " ".join(line.strip() for line in lines[begun:])
    return f"; it last said: {said}" if said else ""
