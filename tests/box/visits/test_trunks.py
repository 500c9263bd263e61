"""Every host is heard by every other, and who was not heard calls again, alone."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from mallee.box import client
from mallee.box.diagnosis import Asked
from mallee.box.visits import asking, trunks
from mallee.box.visits.asking import Asking
from mallee.box.visits.trunks import Trunks
from mallee.model.hosts.ailments import Code
from mallee.model.hosts.checks import Place, numbers_of, spans_of

HOSTS = [Asked(f"host-{name}", name, f"192.0.2.{number}") for number, name in enumerate("abc", 1)]
OWN = {host.id: {"Macs": [f"02:0{host.name}"]} for host in HOSTS}
PLANNED = frozenset(range(2, 2050))


@dataclass(slots=True)
class Wires:
    """Hosts on wires that lose what they are told to, so many times."""

    losses: dict[tuple[str, str], tuple[frozenset[int], int]] = field(
        default_factory=dict[tuple[str, str], tuple[frozenset[int], int]]
    )
    """By sender and receiver: which VLANs, and how many times yet."""
    filtered: frozenset[tuple[str, str]] = frozenset()
    """Between whom tunnels' packets are lost."""
    calls: list[str] = field(default_factory=list[str])
    heard: dict[str, dict[str, frozenset[int]]] = field(
        default_factory=dict[str, dict[str, frozenset[int]]]
    )
    dug: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def ask(self, _: object, service: str, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer as the cloud would."""
        host = next(one for one in HOSTS if one.id == asked["HostId"])
        match asked["Kind"]:
            case "hear":
                self.heard[host.name], self.dug[host.name] = {}, set()
            case "call":
                self._call(host, asked)
            case _:
                pass
        heard = self.heard.get(host.name, {})
        return {
            "Heard": [
                {"Mac": f"02:0{by}", "Vlans": list(spans_of(vlans))} for by, vlans in heard.items()
            ],
            "Tunnels": sorted(self.dug.get(host.name, ())),
            "Announced": [],
        }

    def _call(self, sender: Asked, asked: dict[str, Any]) -> None:
        self.calls.append(sender.name)
        for other in HOSTS:
            if other is sender:
                continue
            pair = sender.name, other.name
            lost, times = self.losses.get(pair, (frozenset[int](), 0))
            self.losses[pair] = lost, times - 1
            sent = numbers_of(asked["Vlans"])
            self.heard[other.name][sender.name] = sent - (lost if times > 0 else frozenset())
            if asked["Addresses"] and pair not in self.filtered:
                self.dug[other.name].add(sender.address)


def see(monkeypatch: pytest.MonkeyPatch, wires: Wires, *, tunnels: bool = False) -> dict[str, str]:
    """What is found of those wires: codes by subject."""
    monkeypatch.setattr(asking.client, "call", wires.ask)
    access = client.Access(
        endpoint="", region="", account_id="", access_key_id="", secret_access_key=""
    )
    # One at a time: the wires keep no order of their own.
    with ThreadPoolExecutor(1) as pool:
        wanted = Trunks(PLANNED, Place.MODE, has_tunnels=tunnels)
        found, _ = trunks.see(Asking(access, pool), HOSTS, OWN, wanted)
    return {one.subject: one.code for one in found}


def test_wires_without_faults_are_well(monkeypatch: pytest.MonkeyPatch) -> None:
    wires = Wires()
    assert see(monkeypatch, wires, tunnels=True) == {"VLANs": "", "tunnels": ""}
    assert sorted(wires.calls) == ["a", "b", "c"]


def test_what_was_lost_once_is_called_again_by_who_was_not_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wires = Wires({("a", "b"): (frozenset({7, 2000}), 1)})
    assert see(monkeypatch, wires) == {"VLANs": ""}
    assert sorted(wires.calls) == ["a", "a", "b", "c"]


def test_what_is_lost_always_is_a_trouble_of_those_two(monkeypatch: pytest.MonkeyPatch) -> None:
    wires = Wires({("a", "b"): (frozenset({2000}), 99)})
    assert see(monkeypatch, wires) == {"VLANs between a and b": Code.VLAN_LOST.value}


def test_tunnels_that_are_filtered_are_a_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    wires = Wires(filtered=frozenset({("c", "a"), ("a", "c"), ("b", "c"), ("c", "b")}))
    assert see(monkeypatch, wires, tunnels=True) == {
        "VLANs": "",
        "tunnels between c and all others": Code.TUNNEL_BLOCKED.value,
    }


def test_copies_of_one_machine_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OWN, "host-c", {"Macs": ["02:0b", "02:42"]})
    monkeypatch.setitem(OWN, "host-a", {"Macs": ["02:0a", "02:42"]})
    # That two have a bridge of the same address between their own guests is no trouble.
    assert see(monkeypatch, Wires())["hosts b and c"] == Code.HOSTS_ALIKE.value
    monkeypatch.setitem(OWN, "host-c", {"Macs": ["02:0c", "02:42"]})
    assert see(monkeypatch, Wires()) == {"VLANs": ""}
