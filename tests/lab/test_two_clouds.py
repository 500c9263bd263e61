"""Two whole clouds on one switch: the doctor of each finds the other, and what they both have."""

import json
from typing import Any

from mallee.box import owners
from mallee.model.configuration.settings import Network, Settings
from mallee.model.hosts.ailments import Code
from mallee.model.layout import Layout
from tests import labs, libvirtcache, wholecloud
from tests.labs import Lab

TEXT = """
image = false
[switches.lan]
[hosts.front]
role = "front"
[hosts.beside]
role = "bare"
"""
READY_S = 120.0


def found(lab: Lab, host: str) -> list[dict[str, Any]]:
    """What the doctor of a host's cloud finds of the wires around it."""
    line = (*labs.MALLEE, "doctor", "--json", "--root", str(lab.layout(host).root))
    told = json.loads(lab.run(host, "sh", "-c", '"$@" || true', "sh", *line))
    heard = [one for one in told if ": around " in one["subject"]]
    assert heard, told
    return heard


def start(lab: Lab, host: str) -> None:
    """Make a cloud of its own on a machine of the lab, by the commands of its administrator."""
    layout: Layout = lab.layout(host)
    owners.ensure_directories(layout)
    libvirtcache.give(layout)
    network = Network(public_range="198.19.0.0/25", private_range="10.97.0.0/16", egress=False)
    chosen = Settings(listen=lab.address(host), network=network)
    owners.ensure_settings(layout, chosen)
    lab.mallee(host, "up")
    wholecloud.wait_until(
        lambda: "ENABLED" in lab.mallee(host, "hosts", "list"), READY_S, "its host"
    )


def test_the_doctors_of_two_clouds_on_one_switch_find_each_other() -> None:
    with labs.up(TEXT) as lab:
        own = ("--address", lab.address("front"))
        lab.mallee("front", "hosts", "change", "front", *own)
        assert [one for one in found(lab, "front") if not one["ok"]] == []
        start(lab, "beside")
        try:
            for host, own, its in (
                ("front", "198.19.0.0/24", "198.19.0.0/25"),
                ("beside", "198.19.0.0/25", "198.19.0.0/24"),
            ):
                told = found(lab, host)
                wrong = next((one for one in told if not one["ok"]), None)
                assert wrong is not None, told
                assert wrong["code"] == Code.CLOUDS_OVERLAP.value
                assert f"its public range {its} overlaps our public range {own}" in wrong["cause"]
                assert any("private" in one["text"] for one in told if one["ok"]), told
        finally:
            lab.mallee("beside", "down")
