"""Breaks things of a lab as a schedule has it, and mends them again.

Every fault is done from outside: signals to processes, cables of the lab, its hosts' power, the
disks that its hosts' files lie on (`disks`), their clocks. One thread does all of them, one after
the other; what administrators do meanwhile (`administrators`) waits for answers, in another.
"""

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from mallee.box import status, steps
from mallee.kit import process
from mallee.lab import document, links, members, rooms
from mallee.lab import up as making
from mallee.lab.document import Cable
from tests import wholecloud
from tests.labs import CUT, Lab
from tests.storms import clocks, frontends, looks
from tests.storms.administrators import Administrator
from tests.storms.disks import Disks
from tests.storms.schedule import DATABASE, FRONT, HOSTS, PART, Fault

Mend = Callable[[], None]
DRAINED_S = 10.0
"""So long a host that is to be retired may have something on it."""
ADMINISTRATOR_S = 120.0
"""Within that the cloud takes an administrator's word, when nothing is broken any more."""
_SPOILT = re.compile(r"(\d+) % (\d+) ms")


class Faults:
    """Breaks and mends a lab."""

    def __init__(self, lab: Lab, disks: Disks, administrator: Administrator) -> None:
        self._lab = lab
        self._disks = disks
        self._administrator = administrator
        self._asking = ThreadPoolExecutor(1)
        self._asked: list[Future[object]] = []
        self._is_off: set[str] = set()
        """Hosts that have no power, or are being made anew."""
        self._is_over = threading.Event()
        self._plugging = threading.RLock()
        """Who has it plugs and cuts: a host that goes meanwhile takes its ends of cables along."""
        self._kinds: dict[str, Callable[[Fault], Mend]] = {
            "kill": self._kill,
            "hang": self._hang,
            "end a guest": self._end_guest,
            "cut": lambda fault: self._spoil(fault, CUT),
            "spoil": lambda fault: self._spoil(fault, _cable(fault)),
            "power": self._power_off,
            "freeze the disk": self._freeze,
            "fill the disk": self._fill,
            "slow the disk": self._slow,
            "kill the supervisor": self._kill_supervisor,
            "set the clock": self._set_clock,
            "take from work": self._take_from_work,
            "retire": self._retire,
            "rotate the authority": lambda fault: self._rotate("RotateAuthority"),
            "rotate the master key": lambda fault: self._rotate("RotateMasterKey"),
            "change settings": self._change_settings,
            PART: lambda fault: self._spoil(fault, _cable(fault)),
        }

    def prepare(self, faults: Iterable[Fault]) -> None:
        """Have nothing come to the host that is retired first: volumes leave none by themselves."""
        retired = [one.host for one in faults if one.kind == "retire" and self._is_node(one.host)]
        if retired:
            self._administrator.take(retired[0], "disabled")

    def _is_node(self, host: str) -> bool:
        return self._lab.document.hosts[host].role == "node"

    def do(self, fault: Fault) -> Mend:
        """Break something; return what mends it, which may be done twice."""
        if fault.host == DATABASE and fault.kind in ("kill", "hang"):
            return self._break_database(fault)
        return self._kinds[fault.kind](fault)

    def mend_all(self) -> None:
        """Have everything in order, whatever was done."""
        self._have_database(FRONT)
        for host in HOSTS:
            self._disks.thaw(host)
            self._disks.empty(host)
            clocks.step(self._lab.place, host, 0)
            for name in status.DAEMONS:
                self._signal(host, name, signal.SIGCONT)
        self._lab.mend()
        # Nothing is asked of hosts from now on.
        self._is_over.set()
        self._asking.shutdown()
        for asked in self._asked:
            asked.result()
        for host in HOSTS:
            if self._administrator.is_retired(host):
                self._administrator.wipe(host)
                self._administrator.plug(host)
                self._administrator.join(host)
                self._is_off.discard(host)
            self._power_on(host)
            self._have_supervisor(host)
        for host in HOSTS:
            self._have_work(host)

    def _have_work(self, host: str) -> None:
        """Have a host do all again."""
        deadline = time.monotonic() + ADMINISTRATOR_S
        while not self._administrator.give_back(host):
            if time.monotonic() > deadline:
                raise steps.Failed(f"the cloud does not let {host} work again", "see its log")
            time.sleep(0.5)

    def _break_database(self, fault: Fault) -> Mend:
        if fault.kind == "kill":
            frontends.kill_database(self._lab.place)
            return _nothing
        frontends.signal_database(self._lab.place, "STOP")
        return lambda: frontends.signal_database(self._lab.place, "CONT")

    def _kill(self, fault: Fault) -> Mend:
        self._signal(fault.host, fault.detail, signal.SIGKILL)
        return _nothing

    def _hang(self, fault: Fault) -> Mend:
        self._signal(fault.host, fault.detail, signal.SIGSTOP)
        return lambda: self._signal(fault.host, fault.detail, signal.SIGCONT)

    def _signal(self, host: str, name: str, number: signal.Signals) -> None:
        """Send a signal to a daemon, and to what it has forked of itself."""
        path = status.pid_file(self._lab.layout(host), name)
        try:
            pid = path.read_text().split()[0]
        except (FileNotFoundError, IndexError):
            return
        # The number is one of the host's own, whose processes are numbered apart.
        line = ("sh", "-c", f"kill -{number.value} {pid} $(pgrep -P {pid})")
        with contextlib.suppress(process.Failed, process.TimedOut, steps.Failed):
            rooms.run(self._lab.place, host, line)

    def _end_guest(self, fault: Fault) -> Mend:
        guests = [one for one in looks.fetch_guests(self._lab) if one.host == fault.host]
        if guests:
            chosen = sorted(guests, key=lambda one: one.id)[int(fault.detail) % len(guests)]
            with contextlib.suppress(ProcessLookupError):
                os.kill(chosen.pid, signal.SIGKILL)
        return _nothing

    def _spoil(self, fault: Fault, bad: Cable) -> Mend:
        cable = frontends.way(fault.host) if fault.kind == PART else f"{fault.host}.eth0"
        self._cut(cable, bad)
        return lambda: self._cut(cable, document.GOOD)

    def _cut(self, cable: str, bad: Cable) -> None:
        with self._plugging:
            self._lab.cut(cable, bad)

    def _power_off(self, fault: Fault) -> Mend:
        with self._plugging:
            if fault.host in self._is_off:
                return _nothing
            # A frozen disk would not let its processes end.
            self._disks.thaw(fault.host)
            self._is_off.add(fault.host)
            self._lab.power_off(fault.host)
        return lambda: self._power_on(fault.host)

    def _power_on(self, host: str) -> None:
        if host in self._is_off:
            self._have_database(host)
            plan = making.power_plan(self._lab.place, self._lab.document, host)
            steps.run(plan, wholecloud.Silent())
            self._is_off.discard(host)
            self._have_supervisor(host)

    def _freeze(self, fault: Fault) -> Mend:
        with self._plugging:
            if fault.host in self._is_off:
                return _nothing
            self._disks.freeze(fault.host)
        return lambda: self._disks.thaw(fault.host)

    def _slow(self, fault: Fault) -> Mend:
        with self._plugging:
            if fault.host in self._is_off:
                return _nothing
            self._disks.slow(fault.host)
        return lambda: self._disks.thaw(fault.host)

    def _fill(self, fault: Fault) -> Mend:
        with self._plugging:
            if fault.host in self._is_off:
                return _nothing
            self._disks.fill(fault.host)
        return lambda: self._disks.empty(fault.host)

    def _kill_supervisor(self, fault: Fault) -> Mend:
        self._signal(fault.host, status.SUPERVISOR, signal.SIGKILL)
        return lambda: self._have_supervisor(fault.host)

    def _have_supervisor(self, host: str) -> None:
        if host not in self._is_off:
            self._have_database(host)
            members.mallee(self._lab.place, host, "mallee", "up")

    def _have_database(self, host: str) -> None:
        """Have it answer that host: a cloud that starts waits for it."""
        if frontends.has_database(self._lab):
            frontends.signal_database(self._lab.place, "CONT")
            cables = (frontends.way(DATABASE), frontends.way(host), f"{host}.eth0")
            for cable in set(cables) & {*links.read_cables(self._lab.place, self._lab.document)}:
                self._cut(cable, document.GOOD)

    def _set_clock(self, fault: Fault) -> Mend:
        clocks.step(self._lab.place, fault.host, float(fault.detail))
        return lambda: clocks.step(self._lab.place, fault.host, 0)

    # What administrators do

    def _take_from_work(self, fault: Fault) -> Mend:
        self._later(self._administrator.take, fault.host, fault.detail)
        return lambda: self._later(self._administrator.give_back, fault.host)

    def _retire(self, fault: Fault) -> Mend:
        """Drain a host; when nothing is on it after a while, take it out, and have it join anew."""
        if not self._is_node(fault.host):
            return _nothing
        self._later(self._administrator.take, fault.host, "draining")
        return lambda: self._later(self._end_drain, fault.host)

    def _end_drain(self, host: str) -> None:
        deadline = time.monotonic() + DRAINED_S
        while not self._administrator.retire(host):
            if self._is_over.wait(1.0) or time.monotonic() > deadline:
                self._administrator.give_back(host)
                return
        with self._plugging:
            if host in self._is_off:
                # It has no power; at the end of all it comes back as another one.
                return
            self._disks.thaw(host)
            self._is_off.add(host)
            self._administrator.wipe(host)
        while not self._is_over.is_set():
            try:
                with self._plugging:
                    self._administrator.plug(host)
                self._administrator.join(host)
            except steps.Failed:
                # No front end answers, or its word is lost on the way.
                self._is_over.wait(1.0)
            else:
                self._is_off.discard(host)
                return

    def _rotate(self, action: str) -> Mend:
        self._later(self._administrator.rotate, action)
        return _nothing

    def _change_settings(self, fault: Fault) -> Mend:
        if frontends.is_front_end(self._lab, fault.host):
            self._later(self._administrator.change_settings, fault.host, fault.detail)
        return _nothing

    def _later(self, what: Callable[..., object], *about: str) -> None:
        # When all is mended, nobody waits for more.
        with contextlib.suppress(RuntimeError):
            self._asked.append(self._asking.submit(what, *about))


def _cable(fault: Fault) -> Cable:
    match = _SPOILT.fullmatch(fault.detail)
    assert match is not None
    return Cable(loss_percent=int(match[1]), delay_ms=int(match[2]))


def _nothing() -> None:
    """A fault that mends itself: what ended is started again by whoever watches it."""
