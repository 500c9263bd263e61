"""Brings the cloud on this machine up, step by step; every step may be done again.

`mallee up` and `faststart` run this list. It makes what is missing, starts the supervisor (by
systemd where that runs), and ends when the cloud answers and its own host is ready for instances.
Not its business: images, and anything that users of the cloud do.
"""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from mallee.box import client, owners, requirements, status, steps, systemd
from mallee.kit import files
from mallee.model import settings
from mallee.model.layout import Layout
from mallee.node import cloud as node_cloud
from mallee.node import kvmproof

CLOUD_READY_S_MAX = 60.0
HOST_READY_S_MAX = 90.0

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


def start_steps(layout: Layout) -> tuple[steps.Step, ...]:
    """Return the steps from there to a cloud that answers."""
    return (
        steps.Step("Prove KVM", lambda say: _prove(layout)),
        steps.Step("Start the daemons", lambda say: _start(layout)),
        steps.Step("Wait for the cloud's answer", lambda say: _wait_cloud(layout)),
        steps.Step("Wait for the object store", lambda say: _wait_objects(layout)),
        steps.Step("Join this host", lambda say: _join(layout)),
        steps.Step("Wait for the host", lambda say: _wait_host(layout)),
    )


def _check() -> str:
    requirements.check()
    return f"root, {len(requirements.PACKAGES)} programs"


def _prepare(layout: Layout, first: settings.Settings) -> str:
    owners.check_root_path(layout.root)
    said = owners.ensure_user()
    owners.ensure_directories(layout)
    owners.ensure_settings(layout, first)
    return f"{said}; {layout.root}"


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
    try:
        steps.wait_until(lambda: _answers(layout, held), CLOUD_READY_S_MAX, silent)
    except steps.Failed as failure:
        errors = layout.log / "cloud.err"
        raise steps.Failed(
            failure.cause + _last_end(layout, "cloud") + _last_line(errors),
            f"read {layout.log / 'cloud.log'} and {errors}",
        ) from None
    return client.read_access(layout, held).endpoint


def _wait_objects(layout: Layout) -> str:
    access = client.read_access(layout, owners.read_settings(layout))
    silent = steps.Failed(f"the object store did not answer within {CLOUD_READY_S_MAX:g} s", "")
    try:
        steps.wait_until(lambda: client.serves_objects(access), CLOUD_READY_S_MAX, silent)
    except steps.Failed as failure:
        errors = layout.log / "s3.err"
        raise steps.Failed(
            failure.cause + _last_end(layout, "s3") + _last_line(errors),
            f"read {layout.log / 's3.log'} and {errors}",
        ) from None
    return f"S3 at {access.endpoint}"


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


def _join(layout: Layout) -> str:
    member = node_cloud.read_membership(layout)
    if member is not None:
        return f"joined before, as {member.host_id}"
    held = owners.read_settings(layout)
    access = client.read_access(layout, held)
    made = client.call(access, "mallee", "CreateJoinToken")
    token = {
        "url": f"https://127.0.0.1:{made['Port']}",
        "token": made["Token"],
        "ca_pem": made["CaCertificate"],
    }
    files.write_json(layout.join_token, token)
    return "the agent has its token"


def _wait_host(layout: Layout) -> str:
    access = client.read_access(layout, owners.read_settings(layout))
    try:
        steps.wait_until(
            lambda: _ready_host(layout, access) is not None, HOST_READY_S_MAX, steps.Failed("", "")
        )
    except steps.Failed:
        raise steps.Failed(
            f"this machine's agent was not ready within {HOST_READY_S_MAX:g} s"
            + _troubles(layout, access),
            f"read {layout.log}/node.log and {layout.log}/libvirtd.err; run: mallee doctor",
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
    return "".join(said) + _last_line(layout.log / "libvirtd.err")


def _ready_host(layout: Layout, access: client.Access) -> dict[str, Any] | None:
    """Return the host that this machine's agent, as it runs now, has reported."""
    member, agent = node_cloud.read_membership(layout), status.find(layout, "node")
    if member is None or agent is None:
        return None
    for host in client.call(access, "mallee", "DescribeHosts")["Hosts"]:
        is_fresh = host.get("SecondsSinceHeard", float("inf")) < agent.age_s()
        if host["HostId"] == member.host_id and is_fresh and host.get("Hypervisor"):
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
    return f"; it last said: {lines[-1]}" if lines else ""
