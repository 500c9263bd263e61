"""Guests of one group on two hosts in the managed modes: how fast one TCP connection is between
them, against the same way made by hand.

Two namespaces on one wire stand in the hosts' places, two more in the guests'. The rival is made by
hand on the same hosts, the same bridge (`managed-novlan`) or the same Open vSwitch with a VLAN
(`managed`): a namespace that routes, plugged into it, a veth to who speaks, and no rule that looks
at any of it. Both take turns. Open vSwitch's datapath is the userspace one, which is slow.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import overlay, report, sealed
from bench.overlay import Way
from mallee.kit import offload
from mallee.model.network.modes import Kind, Switch
from mallee.node.do.network import namespaces
from tests.node.modes import wires
from tests.node.modes.wires import Field, Told
from tests.node.shapes import OPEN, RULES

_TAG = "bench-legs"
_VLAN = 99
_SENT_MIB = {"linux": 256, "openvswitch": 32}


def measure(runs: int) -> list[report.Finding]:
    """Send through both, in turns, over each switch."""
    return [
        _finding("managed-novlan", "linux", runs),
        _finding("managed", "openvswitch", runs),
    ]


def _finding(kind: Kind, switch: Switch, runs: int) -> report.Finding:
    with TemporaryDirectory(prefix="m-") as root:
        Path(root).chmod(0o755)
        with wires.opened(Path(root), 2, switch) as field, _by_hand(field, switch) as hand:
            ways = (_ours(field, kind, switch), hand)
            sent = _SENT_MIB[switch]
            taken = [[overlay.mib_per_s(way, sent) for way in ways] for _ in range(runs)]
    return report.Finding(
        promise=f"a connection between guests on two hosts ({kind}, {switch}), against by hand",
        unit="MiB/s",
        ours=tuple(ours for ours, _ in taken),
        theirs=tuple(theirs for _, theirs in taken),
        bar_ratio_min=0.8,
    )


def _ours(field: Field, kind: Kind, switch: Switch) -> Way:
    one, other = (wires.interface(0, number, OPEN) for number in (4, 5))
    places = {one.id: 0, other.id: 1}
    told = Told((wires.vpc(0, (one, other), RULES),), places, kind=kind, switch=switch)
    field.apply(told)
    ends = (field.guest(told, one), field.guest(told, other))
    return Way(ends[0].namespace, ends[1].namespace, other.private_ip)


@contextmanager
def _by_hand(field: Field, switch: Switch) -> Generator[Way]:
    """The same network as an administrator would make it, with two subnets and nothing else."""
    names = [f"{_TAG}-{kind}-{number}" for number in range(2) for kind in ("router", "end")]
    for name in names:
        namespaces.ensure(name)
    try:
        for number in range(2):
            _plug(field, switch, number)
        yield Way(f"{_TAG}-end-0", f"{_TAG}-end-1", "10.200.1.2")
    finally:
        for name in names:
            namespaces.remove(name)


def _plug(field: Field, switch: Switch, number: int) -> None:
    router, end = f"{_TAG}-router-{number}", f"{_TAG}-end-{number}"
    machine = field.machines[number]
    machine.run(*f"ip link add hand type veth peer name leg netns {router}".split())
    if switch == "linux":
        machine.run("ip", "link", "set", "hand", "master", wires.BRIDGE)
    else:
        field.vsctl(number, "add-port", wires.BRIDGE, "hand", f"tag={_VLAN}")
        namespaces.run_inside(router, partial(offload.switch_off, "leg"))
    machine.run("ip", "link", "set", "hand", "up")
    inside, outside = f"10.200.{number}", f"10.200.{1 - number}"
    overlay.batch(
        router,
        f"link add end type veth peer name eth0 netns {end}",
        f"address add 10.201.0.{number + 1}/24 dev leg",
        "link set leg up",
        f"address add {inside}.1/24 dev end",
        "link set end up",
        f"route add {outside}.0/24 via 10.201.0.{2 - number}",
    )
    namespaces.run_inside(router, lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1"))
    overlay.batch(
        end,
        "link set lo up",
        f"address add {inside}.2/24 dev eth0",
        "link set eth0 up",
        f"route add default via {inside}.1",
    )


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
