"""What fake hosts answer to the doctor: all is well, and every frame was heard from all others.

Each answer comes as late as a real host's (`TAKES_S`): what real ones spend in waiting for packets.
Used by `fakehosts`.
"""

import time
from ipaddress import IPv4Address

from mallee.model.hosts import checks
from mallee.model.hosts.checks import CheckAsk, CheckTold, Finding, Heard, Kind, Path

TAKES_S = {
    Kind.HOST: 0.3,
    Kind.PATHS: 2.3,
    Kind.HEAR: 0.05,
    Kind.HEARD: 0.05,
    Kind.CALL: 1.1,
    Kind.REACH: 3.3,
    Kind.NEIGHBOURS: 2.0,
    Kind.DHCP: 4.5,
    Kind.FIX: 0.3,
}
HOSTS_MAX = 256
VLANS = ("0", "2-2049")
_WELL = tuple(
    Finding(subject=subject, ok=True, text="as it should be, and a little more said of it")
    for subject in ("interfaces", "firewall", "names", "limits", "loop devices", "free disk")
)


def address(name: str) -> str:
    """Return the address of the host with that name, `fake-7`."""
    return str(IPv4Address("198.18.0.1") + _number(name))


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])


def _mac(number: int) -> str:
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def answer(name: str, asked: CheckAsk) -> bytes:
    """Return what a host without troubles would say."""
    mine = _number(name)
    others = [number for number in range(HOSTS_MAX) if number != mine]
    hears = asked.kind is Kind.HEARD
    to = checks.addresses_of(asked.addresses, 4096) if asked.kind is Kind.PATHS else ()
    return checks.pack(
        CheckTold(
            now=time.time(),
            macs=(_mac(mine),),
            findings=_WELL if asked.kind is Kind.HOST else (),
            paths=tuple(_path(one) for one in to),
            heard=tuple(Heard(mac=_mac(one), vlans=VLANS) for one in others) if hears else (),
            tunnels=tuple(address(f"-{one}") for one in others) if hears else (),
        )
    )


def _path(address: str) -> Path:
    return Path(address=address, sent=40, answered=40, took_ms=0.2, packet_max=1500, mtu=1500)
