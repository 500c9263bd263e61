"""`mallee up|down|status|doctor|destroy|logs` and `mallee kvm`: the cloud of this machine.

These are local verbs: they run the lists of steps of `box` and show how they go.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from mallee.box import client as cloud
from mallee.box import destroy as destruction
from mallee.box import doctor as examination
from mallee.box import down as stopping
from mallee.box import nodejoin, rounds, steps
from mallee.box import status as processes
from mallee.box import up as starting
from mallee.cli import client, progress, words
from mallee.cli.root import DEFAULT, Root
from mallee.kit import files
from mallee.model.hosts.checks import Finding
from mallee.model.layout import Layout
from mallee.node import membership, silence

SILENT_S = 15.0
"""So long the cloud itself waits before it calls a host silent."""


def up(*, root: Root = DEFAULT) -> None:
    """Start what runs on this machine, a cloud or a host of one, and wait until it is there."""
    layout = Layout(root)
    is_host = membership.is_node(layout)
    progress.run(nodejoin.start_plan(layout) if is_host else starting.plan(layout))


def down(*, root: Root = DEFAULT, guests: bool = False) -> None:
    """Stop the cloud's daemons; guests go on running unless `--guests` powers them off too."""
    progress.run(stopping.plan(Layout(root), guests))


def destroy(*, root: Root = DEFAULT, yes: bool = False) -> None:
    """Remove the cloud and everything that it made: guests, disks, networks, state.

    Parameters
    ----------
    yes
        Do not ask.
    """
    layout = Layout(root)
    if not yes:
        _confirm(layout)
    progress.run(destruction.plan(layout))


def _confirm(layout: Layout) -> None:
    words.tell(f"this removes every instance, disk, image and account under {layout.root}")
    words.ERR.print("type the root directory to go on: ", end="")
    if sys.stdin.readline().strip() != str(layout.root):
        raise steps.Failed("not confirmed: nothing was removed", "")


def status(*, root: Root = DEFAULT) -> None:
    """Show which daemons run, and where to reach what. Exit status 1 when one does not run, or this
    host hears nothing of its cloud."""
    layout = Layout(root)
    report = processes.read_report(layout).get("daemons", {})
    rows: list[tuple[str, str, str, str]] = []
    for name in (processes.SUPERVISOR, *processes.daemons(layout)):
        found = processes.find(layout, name)
        said = report.get(name, {})
        state = "running" if found else "not running"
        rows.append((name, state, str(found.pid) if found else "-", said.get("last_end", "")))
    words.table(("daemon", "state", "pid", "last end"), rows)
    if any(state != "running" for _, state, _, _ in rows):
        raise steps.Failed("not everything runs", "`mallee up`, then `mallee doctor`")
    words.table(
        ("", "where"),
        (
            ("cloud", _cloud_of(layout)),
            ("virsh", f"virsh -c '{layout.libvirt_uri}'"),
        ),
    )
    unheard = silence.read(layout)
    if unheard is not None and time.time() - unheard.since > SILENT_S:
        since = datetime.fromtimestamp(unheard.since, UTC).isoformat(timespec="seconds")
        raise steps.Failed(
            f"this host has heard nothing of its cloud since {since}: {unheard.why}",
            "guests go on meanwhile; `mallee doctor --here` looks at this machine, and a host that "
            "was retired joins anew by `mallee node join --again`",
        )


def _cloud_of(layout: Layout) -> str:
    member = membership.read(layout) if membership.is_node(layout) else None
    if member is not None:
        return f"host {member.host_id} of {member.url}"
    return client.access(layout).endpoint


def doctor(
    *,
    zone: str = "",
    vlan: tuple[int, ...] = (),
    here: bool = False,
    outside: bool = False,
    fix: bool = False,
    json: bool = False,
    root: Root = DEFAULT,
) -> None:
    """Check this machine, this cloud and its hosts. Exit status 1 when something is wrong.

    Parameters
    ----------
    zone
        Ask the hosts of this availability zone alone.
    vlan
        See whether frames with this tag pass between all hosts; may be given several times.
    here
        Look at this machine alone.
    outside
        On a machine outside the cloud: see whether its public addresses lead to it and back. Needs
        root, and the administrator's key as AWS tools do: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
        AWS_SECRET_ACCESS_KEY.
    fix
        Put right what can be put right without harm, on hosts what their agents know to be safe,
        and look again.
    json
        Give the findings as a list of JSON, each with its code.
    """
    if outside:
        _tell(_see_from_outside(zone), json=json)
        return
    layout = Layout(root)
    wish = None if here else rounds.Wish(zone, vlan)
    findings = examination.examine(layout, wish)
    todo = examination.fixes(layout, findings, wish) if fix else ()
    if todo:
        progress.run(todo)
        findings = examination.examine(layout, wish)
    _tell(findings, json=json)


def _see_from_outside(zone: str) -> list[Finding]:
    named = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    endpoint, key, secret = (os.environ.get(name, "") for name in named)
    if not (endpoint and key and secret):
        raise steps.Failed(
            f"{', '.join(named)} say who asks which cloud, and are not all set",
            "on the cloud's machine: mallee credentials env; put in an address that is reached",
        )
    access = cloud.Access(
        endpoint=endpoint,
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        account_id="",
        access_key_id=key,
        secret_access_key=secret,
    )
    try:
        return rounds.examine_from_outside(access, zone)
    except (cloud.Refused, cloud.Unreachable) as error:
        raise steps.Failed(str(error), "see the endpoint and the key") from error
    except PermissionError as error:
        raise steps.Failed("only root may send echoes of its own", "run this with sudo") from error


def _tell(findings: Sequence[Finding], *, json: bool) -> None:
    """Show findings; raise `steps.Failed` when something is wrong."""
    if json:
        words.give(msgspec.json.format(msgspec.json.encode(findings)).decode())
    else:
        _show(findings)
    if not all(finding.ok for finding in findings):
        raise steps.Failed("something is wrong with this machine or this cloud", "see above")


def _show(findings: Iterable[Finding]) -> None:
    for finding in findings:
        mark = "[green]ok[/]     " if finding.ok else "[bold red]wrong[/]  "
        words.OUT.print(f"{mark}{words.plain(finding.subject)}: {words.plain(finding.text)}")
        if not finding.ok:
            words.OUT.print(f"         cause: {words.plain(finding.cause)} ({finding.code})")
            words.OUT.print(f"         cure:  {words.plain(finding.cure)}")


def logs(*daemons: str, root: Root = DEFAULT, lines: int = 50, follow: bool = False) -> None:
    """Show the last lines of the daemons' logs.

    Parameters
    ----------
    daemons
        Which: cloud, s3, node, libvirtd, supervisor; all unless given.
    follow
        Go on showing what is written.
    """
    layout = Layout(root)
    wanted = daemons or (processes.SUPERVISOR, *processes.DAEMONS)
    found = [
        str(path)
        for name in wanted
        for path in (layout.log / f"{name}.log", layout.log / f"{name}.err")
        if path.exists()
    ]
    if not found:
        raise steps.Failed(f"there is no log of {', '.join(wanted)} in {layout.log}", "mallee up")
    follows = ["-F"] if follow else []
    subprocess.run(["tail", "-n", str(lines), *follows, "--", *found], check=False)


def prove_kvm(*, root: Root = DEFAULT) -> None:
    """Boot the tiny guest under KVM with a deadline; remember whether it came up."""
    progress.run((starting.guest_step(Layout(root)),))
    command = [sys.executable, "-m", "mallee.node.kvmproof", "--root", str(root.resolve())]
    # Python looks for modules where it is started, and anybody may have put some there.
    done = subprocess.run(command, check=False, cwd="/", stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        raise steps.Failed("the proof could not be made", "mallee doctor")
    show_kvm(root=root)


def show_kvm(*, root: Root = DEFAULT) -> None:
    """Show whether guests run by KVM here, or are emulated, and why."""
    verdict = files.read_json(Layout(root).kvm_verdict)
    if verdict is None:
        raise steps.Failed("nothing was proved yet", "mallee kvm prove")
    words.give(f"{verdict['acceleration']}: {verdict['reason']}")
