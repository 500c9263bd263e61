"""`mallee status` and `mallee logs`: which daemons run on this machine, and what they say."""

import subprocess
import time
from datetime import UTC, datetime

from mallee.box import status as processes
from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout
from mallee.node import membership, silence

SILENT_S = 15.0
"""So long the cloud itself waits before it calls a host silent."""


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
