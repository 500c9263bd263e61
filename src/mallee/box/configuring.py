"""Changes a cloud's settings so that a change which cuts somebody off undoes itself.

A document is checked whole and its plan looked at; then a process of its own puts it in force, has
the daemons that read it start anew, and waits until the cloud answers and every host that was heard
before is heard again, over whatever way the new settings give it. Else the former document holds
again. That process outlives the terminal (`python -m mallee.box.configuring`); when it is killed,
`mallee up` and the next change put the former document back (`settingshistory`).
"""

import argparse
import signal
import subprocess
import sys
import time
import urllib.error
from dataclasses import dataclass
from pathlib import Path

from mallee.box import client, owners, settingshistory, status, steps, up
from mallee.kit import files
from mallee.model.configuration import settings, settingschanges
from mallee.model.configuration.settings import Settings
from mallee.model.configuration.settingschanges import CloudStanding, HostStanding, Plan
from mallee.model.layout import Layout
from mallee.node import cloud as node_cloud

CONFIRM_S = 60.0
"""A change that the cloud and its hosts have not confirmed by then is undone, unless another time
is asked for."""
RESTART_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Wish:
    """A change that is asked for."""

    text: str
    """The whole document."""
    what: str
    """In words, for the history."""
    confirm_s: float = CONFIRM_S

    @property
    def over_s(self) -> float:
        """How long it takes at most until it holds or is undone, in seconds."""
        return 2 * (self.confirm_s + len(status.DAEMONS) * RESTART_S_MAX)


def parse(text: str) -> Settings:
    """Return a document that makes sense by itself; raise `steps.Failed`."""
    try:
        return settings.parse(text)
    except settings.InvalidSettings as error:
        raise steps.Failed(str(error), "put it right in the document") from error


def look(layout: Layout, text: str) -> Plan:
    """Return what a document would do to this machine's cloud; raise `steps.Failed`."""
    return settingschanges.plan(owners.read_settings(layout), parse(text), _standing(layout))


def apply_steps(layout: Layout, wish: Wish) -> tuple[steps.Step, ...]:
    """Return the steps that put a document in force."""
    return (
        steps.Step("See what it changes", lambda say: _check(layout, wish.text)),
        steps.Step("Try it", lambda say: _try(layout, wish)),
    )


def _check(layout: Layout, text: str) -> str:
    settled = settingshistory.settle(layout)
    if settingshistory.read_trying(layout) is not None:
        raise steps.Failed(
            "another change is being tried", "wait for its end: mallee config history"
        )
    found = look(layout, text)
    if found.obstacles:
        raise steps.Failed("; ".join(found.obstacles), "see `mallee config plan` of the document")
    if not found.changes:
        raise steps.Failed("the document says what holds already", "")
    changed = f"{len(found.changes)} settings; new start of {', '.join(found.restarts)}"
    return f"{settled}; {changed}" if settled else changed


def _try(layout: Layout, wish: Wish) -> str:
    former = settingshistory.note_current(layout)
    entry = settingshistory.add(layout, wish.text, what=wish.what, outcome=settingshistory.TRIED)
    numbers = ("--number", str(entry.number), "--former", str(former.number))
    numbers += ("--confirm-s", str(wish.confirm_s))
    log = layout.log / "settings.log"
    with log.open("ab") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", __name__, "--root", str(layout.root), *numbers],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            cwd="/",
            env=up.environment(),
        )
    unknown = steps.Failed(f"nothing is heard of settings {entry.number}", f"read {log}")
    steps.wait_until(
        lambda: child.poll() is not None or not _is_tried(layout, entry.number),
        wish.over_s,
        unknown,
    )
    return _result(layout, entry, former.number)


def _result(layout: Layout, entry: settingshistory.Entry, former: int) -> str:
    """Return what came of a change; raise `steps.Failed` when it does not hold."""
    log = layout.log / "settings.log"
    if _is_tried(layout, entry.number):
        settingshistory.settle(layout)
        _restart(layout, status.daemons(layout))
        cause = f"settings {entry.number} are undone: what tried them died"
        raise steps.Failed(cause, f"read {log}")
    outcome = _outcome(layout, entry.number)
    if outcome != settingshistory.HOLDS:
        raise steps.Failed(f"settings {entry.number}: {outcome}", f"read {log}; mallee hosts list")
    return f"settings {entry.number} hold; back: mallee config rollback {former}"


def _is_tried(layout: Layout, number: int) -> bool:
    return _outcome(layout, number) == settingshistory.TRIED


def _outcome(layout: Layout, number: int) -> str:
    return next(it.outcome for it in settingshistory.entries(layout) if it.number == number)


def _standing(layout: Layout) -> CloudStanding:
    access = client.read_access(layout, owners.read_settings(layout))
    try:
        hosts = client.call(access, "mallee", "DescribeHosts")["Hosts"]
        cloud = client.call(access, "mallee", "DescribeCloud")
    except (client.Unreachable, client.Refused) as error:
        raise steps.Failed(
            f"the cloud cannot say what a change would do: {error}",
            f"start it first: mallee up; or edit {layout.settings} while it is down",
        ) from error
    member = node_cloud.read_membership(layout)
    own = member.host_id if member is not None else ""
    ports: dict[str, int] = files.read_json(layout.cloud_ports) or {}
    return CloudStanding(
        hosts=tuple(
            HostStanding(host["HostId"], host["Name"], _is_up(host), host["HostId"] == own)
            for host in hosts
        ),
        instances=sum(len(host["InstanceIds"]) for host in hosts),
        public_addresses_used=cloud["PublicAddressesUsed"],
        in_networks=tuple(cloud["NetworkHindrances"]),
        ports=tuple((f"ports.{name}", port) for name, port in sorted(ports.items())),
    )


def _is_up(host: dict[str, object]) -> bool:
    return host["State"] not in ("silent", "NOTREADY")


# --- the process that tries a change ---


def try_out(layout: Layout, number: int, former: int, confirm_s: float) -> None:
    """Put a document in force and see whether everybody comes back; else undo it."""
    text = settingshistory.read_document(layout, number)
    standing = _standing(layout)
    found = settingschanges.plan(owners.read_settings(layout), parse(text), standing)
    awaited = _Awaited(tuple(host for host in standing.hosts if host.is_up), confirm_s)
    settingshistory.begin_trying(layout, number, former)
    try:
        _start_anew(layout, found.restarts, awaited)
    except steps.Failed as failure:
        settingshistory.put(layout, former)
        outcome = f"{settingshistory.UNDONE}: {failure.cause}"
        try:
            _start_anew(layout, found.restarts, awaited)
        except steps.Failed as again:
            outcome += f"; after that: {again.cause}"
    else:
        outcome = settingshistory.HOLDS
    settingshistory.conclude(layout, number, outcome)
    settingshistory.end_trying(layout)


@dataclass(frozen=True, slots=True)
class _Awaited:
    hosts: tuple[HostStanding, ...]
    within_s: float


def _start_anew(layout: Layout, daemons: tuple[str, ...], awaited: _Awaited) -> None:
    """Have daemons read the settings; raise `steps.Failed` unless all are heard after it."""
    _restart(layout, daemons)
    began = time.monotonic()
    missing = [host.name for host in awaited.hosts]

    def all_heard() -> bool:
        nonlocal missing
        heard = heard_within(layout, time.monotonic() - began)
        missing = [host.name for host in awaited.hosts if host.id not in heard]
        return not missing

    deadline = began + awaited.within_s
    while not all_heard():
        if time.monotonic() > deadline:
            raise steps.Failed(
                f"not heard of within {awaited.within_s:g} s: {', '.join(missing)}",
                "mallee hosts list",
            )
        time.sleep(0.2)


def heard_within(layout: Layout, seconds: float) -> set[str]:
    """Return which hosts the cloud has heard for itself in the last seconds."""
    try:
        access = client.read_access(layout, owners.read_settings(layout))
        hosts = client.call(access, "mallee", "DescribeHosts")["Hosts"]
    except (client.Unreachable, client.Refused, urllib.error.URLError, OSError):
        return set()
    # Of a host that is not heard the cloud that began anew only knows that it began since then.
    return {
        host["HostId"]
        for host in hosts
        if _is_up(host) and host.get("SecondsSinceHeard", seconds) < seconds
    }


def _restart(layout: Layout, daemons: tuple[str, ...]) -> None:
    """End daemons one by one, and wait until the supervisor has started each again."""
    for name in daemons:
        former = status.find(layout, name)
        if former is not None:
            former.signal(signal.SIGTERM)

        def is_new(name: str = name, former: status.Process | None = former) -> bool:
            return status.find(layout, name) not in (None, former)

        silent = steps.Failed(f"{name} did not start again within {RESTART_S_MAX:g} s", "mallee up")
        steps.wait_until(is_new, RESTART_S_MAX, silent)


def main() -> None:
    """Try the document of that number; what came of it is in the history."""
    parser = argparse.ArgumentParser(prog="mallee-configuring", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    parser.add_argument("--number", type=int, required=True, help="of the document to try")
    parser.add_argument("--former", type=int, required=True, help="of the one that holds otherwise")
    parser.add_argument("--confirm-s", type=float, required=True, help="how long is waited")
    asked = parser.parse_args()
    try_out(Layout(asked.root.resolve()), asked.number, asked.former, asked.confirm_s)


if __name__ == "__main__":
    main()
