"""The hypervisor by libvirt: Debian's python3-libvirt over the private libvirtd's socket.

Implements `do.hypervisor.Hypervisor`, whose contract tests it passes together with the fake. Each
call has a connection for itself (`connections`), and an end (`asking`) where QEMU has to answer;
another connection tells, from the thread of libvirt's
own event loop, of domains that changed. When libvirtd goes away, calls raise `HypervisorAway` until
it is found again.

libvirt keeps two things that cannot be asked for later, so they are noted as they happen: how often
a machine was reset, and whether a QEMU that went down in order was told so by a signal.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingImports=false
# pyright: reportAttributeAccessIssue=false, reportMissingTypeStubs=false

import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import libvirt
import libvirt_qemu

from mallee.model.compute.instances import Halt
from mallee.model.hosts.cpus import Cpu
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.volumes import Limits
from mallee.node.do.guests import (
    asking,
    connections,
    cpumap,
    livecards,
    livedisks,
    monitor,
    patience,
    screens,
    tearing,
)
from mallee.node.do.guests.hypervisor import AgentSilent, Merge
from mallee.node.do.storage import livefilling
from mallee.node.plan.guests import disks
from mallee.node.plan.guests import domain as domains
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.seen import DomainState, Ended, SeenDomain

KEY_PRESSED_MS = 50
TOLD_WITHIN_S = 1.0
_LEFT_SHIFT = 42

T = TypeVar("T")

_STATES = {
    libvirt.VIR_DOMAIN_PAUSED: DomainState.PAUSED,
    libvirt.VIR_DOMAIN_SHUTOFF: DomainState.OFF,
    libvirt.VIR_DOMAIN_CRASHED: DomainState.OFF,
}
"""All other states are those of a guest that runs, or is on its way down."""

_ENDS = {
    libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN: Ended.BY_GUEST,
    libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED: Ended.SWITCHED_OFF,
    libvirt.VIR_DOMAIN_SHUTOFF_CRASHED: Ended.CRASHED,
    libvirt.VIR_DOMAIN_SHUTOFF_FAILED: Ended.CRASHED,
}

_HALTS = {(libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR): Halt.NO_ROOM}
"""QEMU tells its guest of all other errors of a disk, and lets it go on."""

_OFF = frozenset(code for code, state in _STATES.items() if state is DomainState.OFF)

_UNKNOWN = frozenset({libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_NO_DOMAIN_METADATA})

_AGENT_SILENT = frozenset({libvirt.VIR_ERR_AGENT_UNRESPONSIVE, libvirt.VIR_ERR_AGENT_UNSYNCED})

_SHUT_DOWN_BY_SIGNAL = libvirt.VIR_DOMAIN_EVENT_SHUTDOWN_HOST

_UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)


class Libvirt:
    """One cloud's domains in the libvirtd at `uri`. `close` ends its thread."""

    def __init__(self, uri: str, cloud: str) -> None:
        """Touch nothing yet; `cloud` is the tag that our domains carry."""
        self._cloud = cloud
        self._changed: Callable[[str], None] = _nobody
        self._resets: dict[str, int] = {}
        self._signalled: set[str] = set()
        self._told = threading.Condition()
        self._running: set[str] = set()
        """Of whose end nothing was heard yet."""
        self._cpu: Cpu | None = None
        self._cpu_age = 0
        listener = connections.Listener(self._listen, lambda: self._changed(""))
        self._connections = connections.Connections(uri, listener)
        self._calling = self._connections.calling
        self._asking = asking.Asking(lambda _: self._changed(""))

    def _ask(self, uuid: str, call: Callable[[Any], T], within_s: float = 0.0) -> T:
        """Return what comes of a domain's QEMU, which may never answer: raises `QemuSilent`."""

        def work() -> T:
            with self._calling() as connection:
                return call(connection.lookupByUUIDString(uuid))

        return self._asking.ask(uuid, work, within_s)

    def silent(self) -> tuple[str, ...]:
        """Return the ids of instances whose QEMU has not answered yet."""
        seen = (self.read(uuid) for uuid in self._asking.silent())
        return tuple(sorted(one.instance_id for one in seen if one is not None))

    def check_done(self, uuid: str) -> None:
        """Raise `HypervisorFailed` unless QEMU has done all that it was asked."""
        # libvirt lets nobody ask before the call of whoever asked before has ended.
        self._ask(uuid, lambda domain: monitor.ask(domain, "query-status"))

    def version(self) -> str:
        """Return for example `QEMU 7.2.22, libvirt 9.0.0`."""
        with self._calling() as connection:
            qemu, own = connection.getVersion(), connection.getLibVersion()
        return f"QEMU {_dotted(qemu)}, libvirt {_dotted(own)}"

    def cpu(self, acceleration: str) -> Cpu | None:
        """Return what guests can be shown as a processor; None: it does not say."""
        kind = "kvm" if acceleration == "kvm" else "qemu"
        with self._calling() as connection:
            age = self._connections.age
            if self._cpu_age != age:
                told = connection.getDomainCapabilities(None, "x86_64", "q35", kind, 0)
                # It is the same as long as libvirtd is, and is asked for often.
                self._cpu, self._cpu_age = cpumap.read(told), age
        return self._cpu

    def read(self, uuid: str) -> SeenDomain | None:
        """Return the domain, or None when it is not defined or not this cloud's."""
        with self._calling() as connection:
            domain = _find(connection, uuid)
            return None if domain is None else self._see(domain)

    def list(self) -> tuple[SeenDomain, ...]:
        """Return all domains that carry this cloud's tag."""
        with self._calling() as connection:
            seen = [self._see(domain) for domain in connection.listAllDomains()]
        return tuple(domain for domain in seen if domain is not None)

    def define(self, xml: str) -> None:
        """Define a domain, replacing the definition with the same UUID."""
        with self._calling() as connection:
            connection.defineXML(xml)

    def start_paused(self, uuid: str) -> None:
        """Start a defined domain with its processors standing; active already: nothing."""

        def start(domain: Any) -> None:
            if not domain.isActive():
                domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
            patience.have(domain)

        self._ask(uuid, start, asking.STARTS_WITHIN_S)

    def resume(self, uuid: str) -> None:
        """Let the processors of an active domain run."""

        def resume(domain: Any) -> None:
            if domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED or not domain.isActive():
                domain.resume()

        self._ask(uuid, resume)

    def attach_nic(self, uuid: str, mac: str, xml: str) -> None:
        """Put a network card into an active domain; one with that MAC is there already: nothing."""
        self._ask(uuid, lambda domain: livecards.attach(domain, mac, xml))

    def detach_nic(self, uuid: str, mac: str) -> None:
        """Ask an active domain's guest to let a network card go; no such card: nothing."""
        self._ask(uuid, lambda domain: livecards.detach(domain, mac))

    def attach_disk(
        self, uuid: str, disk: Disk, limits: Limits, key: OpenedKey | None = None
    ) -> None:
        """Put a volume into an active domain; one that has it already: nothing."""
        self._ask(uuid, lambda domain: livedisks.attach(domain, disk, limits, key))

    def detach_disk(self, uuid: str, disk: Disk) -> None:
        """Ask an active domain's guest to let a volume go; it has none such: nothing."""
        self._ask(uuid, lambda domain: livedisks.detach(domain, disk))

    def tear_out_disk(self, uuid: str, disk: Disk) -> None:
        """Take a volume from an active domain, whatever its guest says."""
        self._ask(uuid, lambda domain: tearing.tear_out(domain, disk))

    def resize_disk(self, uuid: str, target: str, size_bytes: int) -> None:
        """Enlarge a volume of an active domain, whose guest sees it at once."""
        self._ask(uuid, lambda domain: livedisks.resize(domain, target, size_bytes))

    def limit_disk(self, uuid: str, target: str, limits: Limits) -> None:
        """Have other limits apply to a volume of an active domain."""
        self._ask(uuid, lambda domain: livedisks.limit(domain, target, limits))

    def cut_disks(
        self, uuid: str, cuts: Mapping[Disk, Path], keys: Mapping[str, OpenedKey]
    ) -> None:
        """Have an active domain write volumes into other layers from one instant on."""
        self._ask(uuid, lambda domain: livedisks.cut(domain, cuts, keys))

    def merge_layer(self, uuid: str, disk: Disk, merge: Merge) -> bool:
        """Take a layer that an active domain reads into the one below; tell whether it goes on."""
        return self._ask(uuid, lambda domain: livedisks.merge(domain, disk, merge))

    def fill_disk(self, uuid: str, disk: Disk, mib_per_s: int, *, may_begin: bool) -> bool:
        """Copy what a volume of an active domain lies on into its face; tell whether that went on
        already."""
        return self._ask(
            uuid, lambda domain: livefilling.fill(domain, disk, mib_per_s, may_begin=may_begin)
        )

    def shut_down(self, uuid: str) -> None:
        """Press the power button; off already: nothing. Does not wait."""
        if self.read(uuid) is None:
            return

        def press(domain: Any) -> None:
            button = libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
            _while_active(domain, lambda: domain.shutdownFlags(button))

        self._ask(uuid, press, asking.PRESSED_WITHIN_S)

    def reboot(self, uuid: str) -> None:
        """Press the power button, and start the guest again when it has powered off."""
        button = libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN
        self._ask(uuid, lambda domain: domain.reboot(button))

    def reset(self, uuid: str) -> None:
        """Reset the machine as by its reset button."""
        self._ask(uuid, lambda domain: domain.reset())

    def destroy(self, uuid: str) -> None:
        """Switch the domain off at once; off already: nothing."""
        with self._calling() as connection:
            domain = _find(connection, uuid)
            if domain is not None:
                _while_active(domain, domain.destroy)

    def undefine(self, uuid: str) -> None:
        """Forget a domain that is off; unknown already: nothing."""
        with self._calling() as connection:
            domain = _find(connection, uuid)
            if domain is not None:
                domain.undefineFlags(_UNDEFINE)

    def press_key(self, uuid: str) -> None:
        """Press and let go a key of an active domain that means nothing by itself."""
        pressed = (libvirt.VIR_KEYCODE_SET_LINUX, KEY_PRESSED_MS, [_LEFT_SHIFT], 1, 0)
        self._ask(uuid, lambda domain: domain.sendKey(*pressed))

    def interrupt(self, uuid: str) -> None:
        """Send an active domain an interrupt that cannot be masked."""
        self._ask(uuid, lambda domain: domain.injectNMI())

    def ask_agent(self, uuid: str, command: str, timeout_s: int) -> str | None:
        """Return what the guest's agent answers; None: none has its port open."""
        with self._calling() as connection:
            domain = connection.lookupByUUIDString(uuid)
            if not domains.has_agent(domain.XMLDesc()):
                return None
            try:
                return libvirt_qemu.qemuAgentCommand(domain, command, timeout_s, 0)
            except libvirt.libvirtError as error:
                if error.get_error_code() in _AGENT_SILENT:
                    raise AgentSilent(str(error)) from error
                raise

    def fetch_screen(self, uuid: str) -> bytes:
        """Return what the screen of an active domain shows, as PNG or PPM."""
        return self._ask(uuid, screens.fetch)

    def open_screen(self, uuid: str) -> socket.socket:
        """Return a connection to the VNC server of an active domain; the caller closes it.

        QEMU is given its end: its socket's path, where its user may put another, is not followed.
        """
        return self._ask(uuid, lambda domain: socket.socket(fileno=domain.openGraphicsFD(0, 0)))

    def ask_monitor(self, uuid: str, command: str, arguments: Mapping[str, object]) -> Any:
        """Return what an active domain's QEMU answers to a command of its own protocol."""
        return self._ask(uuid, lambda domain: monitor.ask(domain, command, **arguments))

    def watch(self, changed: Callable[[str], None]) -> None:
        """Call `changed` from libvirt's thread with the id of an instance that may have changed."""
        self._changed = changed

    def close(self) -> None:
        """Let go of libvirtd; guests go on."""
        self._connections.close()

    def _see(self, domain: Any) -> SeenDomain | None:
        try:
            mark = domains.decode_mark(
                domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, domains.NAMESPACE)
            )
            state, reason = domain.state()
            xml = domain.XMLDesc()
        except libvirt.libvirtError as error:
            # It is not ours, or it went while we looked.
            if error.get_error_code() in _UNKNOWN:
                return None
            raise
        if mark is None or mark.cloud != self._cloud:
            return None
        uuid = domain.UUIDString()
        return SeenDomain(
            uuid=uuid,
            instance_id=mark.instance_id,
            launch=mark.launch,
            state=_STATES.get(state, DomainState.RUNNING),
            ended=self._how_ended(uuid, reason) if state in _OFF else Ended.UNKNOWN,
            halt=Halt.QEMU_SILENT if uuid in self._asking.silent() else _HALTS.get((state, reason)),
            resets=self._resets.get(uuid, 0),
            nics=domains.decode_nics(xml),
            disks=disks.decode(xml),
            torn=disks.decode_torn(xml),
        )

    def _how_ended(self, uuid: str, reason: int) -> Ended:
        ended = _ENDS.get(reason, Ended.UNKNOWN)
        if ended is not Ended.BY_GUEST:
            return ended
        with self._told:
            # What is told comes by another connection than what was asked, and may come later.
            self._told.wait_for(lambda: uuid not in self._running, TOLD_WITHIN_S)
            self._running.discard(uuid)
        return Ended.CRASHED if uuid in self._signalled else ended

    def _listen(self, connection: Any) -> None:
        """Have a connection tell of what happens."""
        self._running.clear()
        for event, handler in (
            (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_lifecycle),
            (libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, self._on_reset),
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, self._on_device),
        ):
            connection.domainEventRegisterAny(None, event, handler, None)
        active = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        self._running.update(domain.UUIDString() for domain in active)

    def _on_lifecycle(self, _: Any, domain: Any, event: int, detail: int, __: Any) -> None:
        uuid = domain.UUIDString()
        with self._told:
            if event == libvirt.VIR_DOMAIN_EVENT_STARTED:
                self._signalled.discard(uuid)
                self._running.add(uuid)
            if event == libvirt.VIR_DOMAIN_EVENT_SHUTDOWN and detail == _SHUT_DOWN_BY_SIGNAL:
                self._signalled.add(uuid)
            if event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
                self._running.discard(uuid)
                self._told.notify_all()
        self._changed(domain.name())

    def _on_device(self, _: Any, domain: Any, __: str, ___: Any) -> None:
        self._changed(domain.name())

    def _on_reset(self, _: Any, domain: Any, __: Any) -> None:
        uuid = domain.UUIDString()
        self._resets[uuid] = self._resets.get(uuid, 0) + 1
        self._changed(domain.name())


def _nobody(_: str) -> None:
    """Who watches before `watch`."""


def _find(connection: Any, uuid: str) -> Any:
    try:
        return connection.lookupByUUIDString(uuid)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise


def _while_active(domain: Any, order: Callable[[], object]) -> None:
    """Give an order to a domain that is on; off already, or off before it hears it: nothing.

    Of a domain that is going off libvirt says for a moment both that it is active and that no
    order for a running domain is valid; the latter is believed.
    """
    if not domain.isActive():
        return
    try:
        order()
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
            raise


def _dotted(version: int) -> str:
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"
