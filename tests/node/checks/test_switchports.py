"""An Open vSwitch that leads nowhere is named with what stands in the way."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mallee.model.hosts.ailments import Code
from mallee.node.checks import switchports

UP: dict[str, Any] = {"type": "", "admin_state": "up", "link_state": "up", "error": []}
NONE: list[Any] = ["set", []]


def uuid(name: str) -> list[str]:
    return ["uuid", f"id-{name}"]


def table(*rows: dict[str, Any]) -> str:
    headings = list(rows[0])
    return json.dumps(
        {"headings": headings, "data": [[row[it] for it in headings] for row in rows]}
    )


def port(name: str, **more: Any) -> dict[str, Any]:
    ids: dict[str, Any] = {"external_ids": ["map", []], "interfaces": uuid(f"link-{name}")}
    return {"_uuid": uuid(name), "name": name, "tag": NONE, "trunks": NONE, **ids, **more}


OURS = port("mjbox1", tag=5, external_ids=["map", [["mallee", "box"]]])
OTHER = port("mjbox2", tag=7, external_ids=["map", [["mallee", "box"]]])


def said(*ports: dict[str, Any], link: dict[str, Any] | None = None) -> str:
    """What the database says of the bridge br0 with its own port, two of the cloud's, and others,
    whose interface is that."""
    own = port("br0")
    held = (own, OURS, OTHER, *ports)
    bridge = {"name": "br0", "ports": ["set", [one["_uuid"] for one in held]]}
    internal = {"_uuid": uuid("link-br0"), "name": "br0", **UP, "type": "internal"}
    links = [
        {"_uuid": one["interfaces"], "name": one["name"], **UP, **(link or {})} for one in ports
    ]
    return "\n".join((table(bridge), table(*held), table(internal, *links)))


def codes(text: str) -> list[Code]:
    bridge = switchports.parse(text, "br0")
    assert bridge is not None
    found = [*switchports.troubles("br0", bridge)]
    assert all(one.cause and one.cure for one in found)
    return [one.code for one in found]


def test_a_bridge_with_a_trunk_is_well() -> None:
    assert codes(said(port("eth1"))) == []
    assert codes(said(port("eth1", trunks=["set", [5, 7, 9]]))) == []
    assert switchports.parse(said(port("eth1")), "br9") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (said(), Code.BRIDGE_EMPTY),
        (said(port("tap0"), link={"type": "internal"}), Code.BRIDGE_EMPTY),
        (said(port("eth1"), link={"link_state": "down"}), Code.LINK_UNPLUGGED),
        (said(port("eth1"), link={"admin_state": "down"}), Code.LINK_OFF),
        (said(port("eth1"), link={"error": "could not open eth1"}), Code.SWITCH_PORT),
        (said(port("eth1", tag=5)), Code.SWITCH_PORT),
        (said(port("eth1", trunks=5)), Code.SWITCH_PORT),
    ],
)
def test_what_ails_the_cards_of_a_bridge_is_named(text: str, code: Code) -> None:
    assert codes(text) == [code]


def test_the_vlans_are_named_that_a_card_does_not_carry() -> None:
    bridge = switchports.parse(said(port("eth1", trunks=["set", [5, 6]])), "br0")
    assert bridge is not None
    (one,) = switchports.troubles("br0", bridge)
    assert one.cause == "eth1 does not carry VLAN 7 of the cloud's"


@pytest.mark.parametrize(
    ("name", "state", "network", "runs"),
    [
        ("ovs-vswitchd", "S", "net:[1]", True),
        ("ovs-vswitchd", "T", "net:[1]", False),
        ("ovs-vswitchd", "Z", "net:[1]", False),
        ("ovs-vswitchd", "S", "net:[2]", False),
        ("ovsdb-server", "S", "net:[1]", False),
    ],
)
def test_the_switchs_daemon_runs_in_this_network_or_does_not(
    tmp_path: Path, name: str, state: str, network: str, runs: bool
) -> None:
    for number, its in (("7", network), ("thread-self", "net:[1]")):
        place = tmp_path / number
        (place / "ns").mkdir(parents=True)
        os.symlink(its, place / "ns/net")
        (place / "comm").write_text(f"{name}\n")
        (place / "stat").write_text(f"7 ({name}) {state} 1 1\n")
    assert switchports.is_running(tmp_path) is runs
