"""Plugs legs into the host's switch, keeps them there, and takes them out at the end.

Called by `do/network`, in the host's own namespace, once all namespaces are there. What is to stand
is decided by `switches`, which legs there are by `legs`. Which switch was used is written down
before anything is made, so that `destroy` finds it without being told.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mallee.kit import files, logs, offload, process
from mallee.model.layout import Layout
from mallee.node.do.network import links, namespaces
from mallee.node.modes import switches
from mallee.node.modes.switches import Piece, Seen, Wanted

log = logs.get(__name__)

_NETDEV = "netdev"
"""The datapath of Open vSwitch that reads packets itself, and so needs their sums."""
_OPEN_VSWITCH = "openvswitch"
_VLAN_CURE = (
    "the kernel needs 802.1Q (modprobe 8021q); without it an Open vSwitch can be the switch "
    "(network.classic.switch)"
)


@dataclass(slots=True)
class _Outcome:
    """What came of closing a difference."""

    problems: list[str] = field(default_factory=list[str])
    is_changed: bool = False

    def make(self, pieces: Iterable[Piece], cure: str) -> frozenset[Piece]:
        """Make each piece whole, or nothing of it; return those that cannot be."""
        due = [piece for piece in pieces if piece.lines]
        if not due:
            return frozenset()
        try:
            links.apply_batch(tuple(line for piece in due for line in piece.lines))
        except process.Failed:
            # One of them is to blame: which one shows when each is made for itself.
            for piece in due:
                _undo(piece)
            return frozenset(piece for piece in due if not self._is_made(piece, cure))
        self.is_changed = True
        return frozenset()

    def _is_made(self, piece: Piece, cure: str) -> bool:
        try:
            links.apply_batch(piece.lines)
        except process.Failed as error:
            _undo(piece)
            self.problems.append(f"{piece.what} could not be made: {error}; {cure}")
            return False
        self.is_changed = True
        return True


def _undo(piece: Piece) -> None:
    """Take away what has been made of a piece."""
    for name in piece.made:
        _delete(name)


def _remove(piece: Piece) -> None:
    """Take away all that a piece of removal names."""
    try:
        links.apply_batch(piece.lines)
    except process.Failed:
        for name in piece.made:
            _delete(name)


def _delete(name: str) -> None:
    """Take a device away; one whose other end is in a namespace that ends may go by itself at any
    moment."""
    try:
        links.apply_batch((f"link delete {name}",))
    except process.Failed:
        if name in switches.parse_devices(process.run(switches.LOOK).text):
            raise


class Switching:
    """The ports of one cloud on this host's switch."""

    def __init__(self, layout: Layout) -> None:
        """Touches nothing yet."""
        self._layout = layout
        self._watch: links.Watch | None = None
        self._devices: dict[str, switches.Device] = {}
        self._done: Wanted | None = None
        self._lost: set[str] = set()
        self._mtu = switches.MTU_MAX

    def apply(self, wanted: Wanted | None) -> list[str]:
        """Make exactly these ports stand; None: no mode has any. Called twice = once.

        Returns sentences: what others had changed, and what cannot be put right with its cure.
        """
        if wanted is None:
            self.destroy()
            return []
        try:
            seen = self._look(wanted)
        except FileNotFoundError:
            return [
                "Open vSwitch is not on this host, and network.classic.switch wants it; apt-get "
                "install openvswitch-switch"
            ]
        except (process.Failed, process.TimedOut) as error:
            return [f"this host's Open vSwitch does not answer: {error}; start its daemons"]
        self._mtu = switches.mtu(wanted, seen)
        if fault := switches.find_fault(wanted, seen):
            return [fault]
        outcome = self._set(wanted, seen)
        if outcome.is_changed and self._done == wanted:
            outcome.problems.append("ports of instances' network had been changed; right again")
        self._done = wanted
        return outcome.problems

    def mtu(self) -> int:
        """How long a packet may be that leaves by the switch, at most 1500; seen by `apply`."""
        return self._mtu

    def lose(self, port: str) -> None:
        """Know that the other end of a port is gone: it is made anew."""
        self._lost.add(port)

    def destroy(self) -> None:
        """Take everything of this cloud out of the switch that was used last."""
        used = self._read_used()
        if used is None:
            return
        nothing = Wanted(self._layout.tag, "linux", "", ())
        seen = Seen(switches.parse_devices(process.run(switches.LOOK).text))
        if used == _OPEN_VSWITCH:
            try:
                seen = self._with_bridges(seen)
                _plug(nothing, seen)
            except (process.Failed, process.TimedOut, FileNotFoundError) as error:
                # What is left in its database has no device, and is no way for anybody.
                log.warning("ports of Open vSwitch are left", error=str(error))
        _remove(switches.plan_removal(nothing, seen))
        if self._watch is not None:
            self._watch.close()
        self._watch, self._done, self._devices = None, None, {}
        self._used.unlink(missing_ok=True)

    # What was used, and what stands

    @property
    def _used(self) -> Path:
        return self._layout.node / "switch.json"

    def _read_used(self) -> str | None:
        return files.read_json(self._used)

    def _write_used(self, switch: str) -> None:
        if self._read_used() != switch:
            self._used.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(self._used, switch)

    def _look(self, wanted: Wanted) -> Seen:
        # Open vSwitch keeps ports in a database of its own: it is asked while any may be there.
        is_open = _OPEN_VSWITCH in (wanted.switch, self._read_used())
        self._write_used(_OPEN_VSWITCH if is_open else wanted.switch)
        if self._watch is None:
            self._watch = links.Watch()
            self._devices = {}
        if self._watch.has_changed() or not self._devices:
            self._devices = switches.parse_devices(process.run(switches.LOOK).text)
        seen = Seen(dict(self._devices))
        return self._with_bridges(seen) if is_open else seen

    def _with_bridges(self, seen: Seen) -> Seen:
        text = process.run(switches.LOOK_AT_BRIDGES).text
        return Seen(seen.devices, *switches.parse_bridges(text, self._layout.tag))

    # The difference

    def _set(self, wanted: Wanted, seen: Seen) -> _Outcome:
        outcome, shut = _Outcome(), set[int]()
        removal = switches.plan_removal(wanted, seen, frozenset(self._lost))
        self._lost.clear()
        if removal.lines:
            _remove(removal)
            outcome.is_changed = True
            for name in removal.made:
                del seen.devices[name]
        if wanted.switch == "linux":
            shut = _set_vlans(wanted, seen, outcome)
        _set_ports(wanted, seen, outcome, shut)
        try:
            outcome.is_changed |= _plug(wanted, seen)
        except (process.Failed, process.TimedOut) as error:
            outcome.problems.append(f"Open vSwitch did not take instances' ports: {error}")
        else:
            # From here on nothing of the cloud is there, and nobody need ask it.
            self._write_used(wanted.switch)
        return outcome


def _set_vlans(wanted: Wanted, seen: Seen, outcome: _Outcome) -> set[int]:
    """Make the bridges of VLANs; return those that cannot be."""
    vlans = sorted({port.vlan for port in wanted.ports} - {0})
    faults = switches.find_vlan_faults(wanted, seen)
    shut = faults.keys() & set(vlans)
    outcome.problems += [faults[vlan] for vlan in sorted(shut)]
    pieces = {switches.plan_vlan(wanted, seen, vlan): vlan for vlan in vlans if vlan not in shut}
    missing = outcome.make(pieces, _VLAN_CURE)
    for piece in pieces.keys() - missing:
        links.apply_switches({f"net/ipv6/conf/{it}/disable_ipv6": "1" for it in piece.made})
    return shut | {pieces[piece] for piece in missing}


def _set_ports(wanted: Wanted, seen: Seen, outcome: _Outcome, shut: set[int]) -> None:
    """Make legs, and have neither end speak for itself, and packets come by them whole."""
    pieces = {
        switches.plan_port(wanted, seen, port): port
        for port in wanted.ports
        if port.vlan not in shut
    }
    missing = outcome.make(pieces, f"look at {wanted.device} and at ip link on this host")
    is_plain = wanted.switch == _OPEN_VSWITCH and seen.bridges.get(wanted.device) == _NETDEV
    for piece in pieces.keys() - missing:
        port = pieces[piece]
        if piece.made:
            links.apply_switches({f"net/ipv6/conf/{port.name}/disable_ipv6": "1"})
        if piece.made and is_plain:
            namespaces.run_inside(port.namespace, partial(offload.switch_off, port.peer))


def _plug(wanted: Wanted, seen: Seen) -> bool:
    """Tell whether Open vSwitch had to be told anything."""
    words = switches.plan_plugging(wanted, seen)
    if words:
        process.run((*switches.VSCTL, *words))
    return bool(words)
