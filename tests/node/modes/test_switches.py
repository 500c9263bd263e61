"""What is done of a host's switch, as text: VLANs that not every kernel can make."""

import json
from dataclasses import replace

from mallee.node.modes import switches
from mallee.node.modes.switches import Device, Plugged, Port, Seen, Wanted

TAG = "abcde"
CARD = Device("eth1", is_up=True, mtu=1500)
PORT = Port("mjabcde01234567", 5, "mallee-abcde-vpc-1", "leg5")
TRUNK = Wanted(TAG, "linux", "eth1", (PORT,))


def seen(*devices: Device) -> Seen:
    """A host with these devices, and the card."""
    return Seen({one.name: one for one in (CARD, *devices)})


def standing() -> tuple[Device, Device, Device]:
    """What stands once all is made."""
    return (
        Device("mwabcde5", "vlan", "mbabcde5", "eth1", 5, is_up=True, mtu=1500),
        Device("mbabcde5", "bridge", is_up=True, mtu=1500),
        Device(PORT.name, "veth", "mbabcde5", is_up=True, mtu=1500),
    )


def test_a_vlan_is_made_of_the_trunk_and_a_bridge() -> None:
    piece = switches.plan_vlan(TRUNK, seen(), 5)
    assert piece.lines == (
        "link add link eth1 name mwabcde5 type vlan id 5",
        "link add mbabcde5 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
        "link set mwabcde5 master mbabcde5",
        "link set mwabcde5 up",
        "link set mbabcde5 up",
    )
    assert piece.made == ("mwabcde5", "mbabcde5")
    assert switches.plan_port(TRUNK, seen(), PORT).lines == (
        "link add mjabcde01234567 type veth peer name leg5 netns mallee-abcde-vpc-1",
        "link set mjabcde01234567 master mbabcde5",
        "link set mjabcde01234567 up",
    )


def test_what_stands_is_let_be() -> None:
    there = seen(*standing())
    assert switches.plan_vlan(TRUNK, there, 5).lines == ()
    assert switches.plan_port(TRUNK, there, PORT).lines == ()
    assert switches.plan_removal(TRUNK, there).lines == ()


def test_a_vlan_of_another_trunk_is_made_anew() -> None:
    above, within, port = standing()
    there = seen(replace(above, below="eth0"), within, port)
    assert switches.plan_vlan(TRUNK, there, 5).lines == (
        "link delete mwabcde5",
        "link add link eth1 name mwabcde5 type vlan id 5",
        "link set mwabcde5 master mbabcde5",
        "link set mwabcde5 up",
    )


def test_only_what_is_the_clouds_own_is_taken_away() -> None:
    nothing = replace(TRUNK, ports=())
    strangers = (Device("mbabcde", "bridge"), Device("mwother5", "vlan"), Device("br0", "bridge"))
    gone = switches.plan_removal(nothing, seen(*standing(), *strangers))
    assert gone.made == ("mbabcde5", PORT.name, "mwabcde5")


def test_a_vlan_that_is_anothers_is_said() -> None:
    theirs = Device("eth1.5", "vlan", "", "eth1", 5, is_up=True)
    assert "VLAN 5 of eth1 is eth1.5's" in switches.find_vlan_faults(TRUNK, seen(theirs))[5]
    assert switches.find_vlan_faults(TRUNK, seen(*standing())) == {}


def test_devices_are_read_as_the_kernel_tells_of_them() -> None:
    told = [
        {"ifname": "eth1", "flags": ["UP"], "mtu": 1500},
        {
            "ifname": "mwabcde5",
            "link": "eth1",
            "master": "mbabcde5",
            "flags": ["BROADCAST", "UP"],
            "mtu": 1500,
            "linkinfo": {"info_kind": "vlan", "info_data": {"protocol": "802.1Q", "id": 5}},
        },
    ]
    assert switches.parse_devices(json.dumps(told)) == {"eth1": CARD, "mwabcde5": standing()[0]}


def test_ports_of_open_vswitch_are_those_with_the_clouds_mark() -> None:
    bridges = {"data": [["br0", ["set", [["uuid", "1"], ["uuid", "2"]]], "netdev"]]}
    ports = {
        "data": [
            [["uuid", "1"], PORT.name, 7, ["map", [["mallee", TAG]]]],
            [["uuid", "2"], "eth1", ["set", []], ["map", []]],
            [["uuid", "3"], "mjother", ["set", []], ["map", [["mallee", "other"]]]],
        ]
    }
    text = f"{json.dumps(bridges)}\n\n{json.dumps(ports)}\n"
    found = switches.parse_bridges(text, TAG)
    assert found == ({"br0": "netdev"}, {PORT.name: Plugged("br0", 7)})
    wanted = Wanted(TAG, "openvswitch", "br0", (PORT,))
    assert switches.plan_plugging(wanted, Seen({}, *found)) == (
        *("set", "Port", PORT.name),
        "tag=5",
    )
    gone = switches.plan_plugging(replace(wanted, ports=()), Seen({}, *found))
    assert gone == ("--if-exists", "del-port", PORT.name)
