"""A trial of settings on this machine: they hold when everybody is heard by them, or are undone.

The document is put in force, the daemons that read it start anew, and the cloud and every host that
was heard before must be heard again, over whatever way the new settings give. Whoever tries writes
down that it does (`settingshistory`), so that its end at any moment is found.
Called by `rollouts`, in a process of its own; what was left of one is undone by whoever comes next
(`settle`). Not its business: whether others have to confirm.
"""

import signal
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mallee.box import client, owners, settingshistory, status, steps
from mallee.kit import files
from mallee.model.configuration import settings, settingschanges
from mallee.model.configuration.settingschanges import (
    CloudStanding,
    FrontEndStanding,
    HostStanding,
)
from mallee.model.layout import Layout
from mallee.node import membership

RESTART_S_MAX = 30.0
SEVERAL = "UnsupportedOperation"
"""What a cloud says of rollouts that can have one front end alone."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Which settings are tried."""

    number: int
    """Of the document, in the history."""
    former: int
    """Of the one that holds otherwise."""
    confirm_s: float


class Silence(Enum):
    """Whether the cloud itself could be asked when settings were tried."""

    NONE = "none"
    """It answered: what was undone was undone for these settings."""
    BY_THESE = "by these"
    """It was away by these settings, and answered by those before: these may be the reason."""
    WHATEVER = "whatever"
    """It was away by those before too: nothing is known of these."""


class Unasked(steps.Failed):
    """The cloud could not be asked for hosts as long as these need for being heard."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a trial."""

    outcome: str
    """As it is in the history."""
    silence: Silence = Silence.NONE


def try_out(
    layout: Layout, trial: Trial, standing: CloudStanding, confirm: Callable[[], None]
) -> Ended:
    """Put a document in force and see whether everybody comes back; else undo it.

    `confirm` may wait for others, and raises `steps.Failed` when it shall not hold. Returns what
    came of it, which is in the history then.
    """
    silence = Silence.NONE
    text = settingshistory.read_document(layout, trial.number)
    before, after = owners.read_settings(layout), settings.parse(text)
    restarts = settingschanges.plan(before, after, standing).restarts
    awaited = _Awaited(tuple(host for host in standing.hosts if host.is_up), trial.confirm_s)
    settingshistory.begin_trying(layout, trial.number, trial.former)
    try:
        _start_anew(layout, restarts, awaited)
        confirm()
    except steps.Failed as failure:
        outcome = f"{settingshistory.UNDONE}: {failure.cause}"
        if isinstance(failure, Unasked):
            silence = Silence.BY_THESE
        settingshistory.put(layout, trial.former)
        try:
            _start_anew(layout, restarts, awaited)
        except steps.Failed as again:
            outcome += f"; after that: {again.cause}"
            if silence is Silence.BY_THESE and isinstance(again, Unasked):
                silence = Silence.WHATEVER
    else:
        outcome = settingshistory.HOLDS
    settingshistory.conclude(layout, trial.number, outcome)
    settingshistory.end_trying(layout)
    return Ended(outcome, silence)


def look(layout: Layout) -> CloudStanding:
    """Return what of the running cloud bears on its settings; raise `steps.Failed`."""
    held = owners.read_settings(layout)
    access = client.read_access(layout, held)
    try:
        hosts = client.call(access, "mallee", "DescribeHosts")["Hosts"]
        cloud = client.call(access, "mallee", "DescribeCloud")
        front_ends = _front_ends(access)
    except (client.Unreachable, client.Refused) as error:
        raise steps.Failed(
            f"the cloud cannot say what a change would do: {error}",
            f"start it first: mallee up; or edit {layout.settings} while it is down",
        ) from error
    member = membership.read(layout)
    own = member.host_id if member is not None else ""
    others_call = settings.reached_at(held)
    # Of several front ends each is called where all hosts are told that it is.
    calls = member.address if member and not front_ends else others_call
    ports: dict[str, int] = files.read_json(layout.cloud_ports) or {}
    return CloudStanding(
        hosts=tuple(
            HostStanding(
                id=host["HostId"],
                name=host["Name"],
                is_up=_is_up(host),
                is_own=host["HostId"] == own,
                calls=calls if host["HostId"] == own else others_call,
            )
            for host in hosts
        ),
        instances=sum(len(host["InstanceIds"]) for host in hosts),
        public_addresses_used=cloud["PublicAddressesUsed"],
        in_networks=tuple(cloud["NetworkHindrances"]),
        ports=tuple((f"ports.{name}", port) for name, port in sorted(ports.items())),
        front_ends=front_ends,
    )


def heard_within(layout: Layout, seconds: float) -> set[str] | None:
    """Return which hosts the cloud has heard for itself in the last seconds; None: it does not
    answer."""
    try:
        access = client.read_access(layout, owners.read_settings(layout))
        hosts = client.call(access, "mallee", "DescribeHosts")["Hosts"]
    except (client.Unreachable, client.Refused, urllib.error.URLError, OSError):
        return None
    # Of a host that is not heard the cloud that began anew only knows that it began since then.
    return {
        host["HostId"]
        for host in hosts
        if _is_up(host) and host.get("SecondsSinceHeard", seconds) < seconds
    }


def restart(layout: Layout, daemons: tuple[str, ...]) -> None:
    """End daemons one by one, and wait until the supervisor has started each again."""
    for name in daemons:
        former = status.find(layout, name)
        if former is not None:
            former.signal(signal.SIGTERM)

        def is_new(name: str = name, former: status.Process | None = former) -> bool:
            return status.find(layout, name) not in (None, former)

        silent = Unasked(f"{name} did not start again within {RESTART_S_MAX:g} s", "mallee up")
        steps.wait_until(is_new, RESTART_S_MAX, silent)


def settle(layout: Layout) -> str:
    """Undo what was tried by one that has ended, unless somebody does; say so, or nothing."""
    if settingshistory.read_trying(layout) is None:
        return ""
    with settingshistory.turn(layout) as is_ours:
        return settle_in_turn(layout) if is_ours else ""


def settle_in_turn(layout: Layout) -> str:
    """Do so as the one that has its turn (`settingshistory.turn`)."""

    def start_anew() -> None:
        # Daemons that do not run read it when they start.
        if status.find(layout, status.SUPERVISOR) is not None:
            restart(layout, status.daemons(layout))

    return settingshistory.settle(layout, start_anew)


def _front_ends(access: client.Access) -> tuple[FrontEndStanding, ...]:
    try:
        found = client.call(access, "mallee", "DescribeRollouts")["FrontEnds"]
    except client.Refused as error:
        if error.code == SEVERAL:
            return ()
        raise
    return tuple(
        FrontEndStanding(one["Name"], one["IsPresent"], one["IsOwn"], one["Document"])
        for one in found
    )


def _is_up(host: dict[str, object]) -> bool:
    return host["State"] not in ("silent", "NOTREADY")


@dataclass(frozen=True, slots=True)
class _Awaited:
    hosts: tuple[HostStanding, ...]
    within_s: float


def _start_anew(layout: Layout, daemons: tuple[str, ...], awaited: _Awaited) -> None:
    """Have daemons read the settings; raise `steps.Failed` unless all are heard after it."""
    restart(layout, daemons)
    began = time.monotonic()
    away_at = began
    while True:
        heard = heard_within(layout, time.monotonic() - began)
        missing = [host.name for host in awaited.hosts if host.id not in (heard or ())]
        if heard is not None and not missing:
            return
        now = time.monotonic()
        away_at = now if heard is None else away_at
        if now > began + awaited.within_s:
            # Hosts need a while to find a cloud that is there again.
            is_asked = now - away_at > awaited.within_s / 2
            raise (steps.Failed if is_asked else Unasked)(
                f"not heard of within {awaited.within_s:g} s: {', '.join(missing) or 'the cloud'}",
                "mallee hosts list",
            )
        time.sleep(0.2)
