"""What the answers of several hosts mean together."""

from typing import Any

from mallee.box import diagnosis
from mallee.box.diagnosis import Asked
from mallee.model.hosts.ailments import Code
from mallee.model.hosts.checks import bits_of
from mallee.model.network.modes import Mode

HOSTS = [Asked(f"host-{name}", name, f"192.0.2.{number}") for number, name in enumerate("abc", 1)]
A, B, C = HOSTS


def path(to: Asked, **more: Any) -> dict[str, Any]:
    return {
        "Address": to.address,
        "Sent": 40,
        "Answered": 40,
        "TookMilliseconds": 0.2,
        "PacketBytesMax": 1500,
        "Mtu": 1500,
        **more,
    }


def ways(bad: dict[tuple[Asked, Asked], dict[str, Any]]) -> dict[str, str]:
    answers = {
        host.id: {"Paths": [path(to, **bad.get((host, to), {})) for to in HOSTS if to is not host]}
        for host in HOSTS
    }
    return {one.subject: one.cause for one in diagnosis.ways(HOSTS, answers) if not one.ok}


def test_good_ways_are_well() -> None:
    assert ways({}) == {}


def test_a_pair_with_a_trouble_is_named() -> None:
    assert ways({(A, B): {"PacketBytesMax": 1400}}) == {
        "way between a and b": "packets larger than 1400 bytes vanish, and the cards send 1500"
    }
    assert ways({(A, B): {"Answered": 0}}) == {
        "way between a and b": "nothing answers at 192.0.2.2"
    }


def test_a_host_that_has_it_with_all_others_is_named_itself() -> None:
    late = {"TookMilliseconds": 80.0}
    found = ways({(A, C): late, (C, B): late})
    assert found == {
        "way between c and all others": (
            "packets take 80 ms there and back: look at c's cable first"
        )
    }


def test_one_packet_of_forty_may_be_lost_by_chance_and_two_are_a_trouble() -> None:
    assert len(ways({(A, B): {"Answered": 38}})) == 1


def test_frames_that_do_not_pass_are_named_with_their_vlans() -> None:
    lost = {(one.name, other.name): 0 for one in HOSTS for other in HOSTS if one is not other}
    assert all(one.ok for one in diagnosis.tags((10, 11, 12, 20), lost))
    lost["a", "b"] = bits_of(["10-12"])
    (found,) = diagnosis.tags((10, 11, 12, 20), lost)
    assert found.cause == "frames of VLAN 10-12 that a sends do not reach b"
    lost["b", "a"] = bits_of(["10-12"])
    (found,) = diagnosis.tags((10, 11, 12, 20), lost)
    assert found.subject == "VLANs between a and b"
    assert found.cause == "frames of VLAN 10-12 do not pass"


def test_a_clock_that_is_wrong_is_named() -> None:
    answers = {host.id: {"Now": 1000.0, "CloudNow": 1001.0} for host in HOSTS}
    assert [one.ok for one in diagnosis.clocks(HOSTS, answers)] == [True]
    answers[B.id] = {"Now": 900.0, "CloudNow": 1000.0}
    (found,) = diagnosis.clocks(HOSTS, answers)
    assert (found.subject, found.cause) == ("b: clock", "its clock is 100 s behind the cloud's")


def test_only_strangers_have_no_right_to_our_addresses() -> None:
    seen = [{"Address": "203.0.113.7", "Mac": "02:99"}, {"Address": "203.0.113.8", "Mac": "02:01"}]
    answers = {A.id: {"Neighbours": seen, "Own": []}}
    (found,) = diagnosis.strangers([A], answers, [{"Macs": ["02:01"]}])
    assert found.subject == "address 203.0.113.7"
    assert "02:99 on the network of a" in found.cause


def test_two_servers_of_one_network_contradict_each_other() -> None:
    one = {"Address": "192.0.2.50"}
    assert diagnosis.dhcp([A], {A.id: {"Neighbours": [one]}})[0].ok
    (found,) = diagnosis.dhcp([A], {A.id: {"Neighbours": [one, {"Address": "192.0.2.51"}]}})
    assert "2 servers offer addresses" in found.cause


def test_who_offers_addresses_is_judged_by_the_network_mode() -> None:
    def codes(mode: Mode, *offers: dict[str, Any]) -> list[str]:
        answer = {"Neighbours": list(offers), "Device": "br0"}
        return [one.code for one in diagnosis.dhcp_of_mode(A, answer, mode)]

    one, tagged = {"Address": "192.0.2.50"}, {"Address": "192.0.2.51", "Vlan": 7}
    assert codes("system") == [Code.DHCP_NONE.value]
    assert codes("system", one) == [""]
    assert codes("system", one, {"Address": "192.0.2.51"}) == [Code.DHCP_TWICE.value]
    assert codes("static") == [""]
    assert codes("managed", tagged) == [Code.DHCP_FOREIGN.value]
    (found,) = diagnosis.dhcp_of_mode(A, {"Neighbours": [tagged]}, "managed")
    assert "192.0.2.51 (VLAN 7)" in found.cause


def test_others_that_speak_of_our_ranges_are_named_and_we_are_not() -> None:
    said = [
        {"Network": "203.0.113.0/25", "By": "192.0.2.66", "How": "RIP"},
        {"Network": "203.0.113.9/32", "By": "02:01", "How": "ARP"},
    ]
    (found,) = diagnosis.announced({"a": {"Announced": said}}, {"02:01"})
    assert (found.subject, found.code) == ("range 203.0.113.0/25", Code.RANGE_ANNOUNCED.value)


def test_what_an_instance_of_ours_answers_is_no_strangers() -> None:
    seen = [{"Address": "203.0.113.7", "Mac": "02:99"}]
    own = {"Macs": [], "Own": ["203.0.113.0-203.0.113.9"]}
    (found,) = diagnosis.strangers([A], {A.id: {"Neighbours": seen, **own}}, ())
    assert found.ok
    # One that did not look who answers has it.
    asked = {A.id: {"Neighbours": seen, "Own": []}}
    (found,) = diagnosis.strangers([A], asked, [own])
    assert found.ok


def test_what_a_silent_host_may_have_is_said_with_whose_it_may_be() -> None:
    answers = {A.id: {"Neighbours": [{"Address": "203.0.113.7", "Mac": "02:99"}], "Own": []}}
    (found,) = diagnosis.strangers([A], answers, (), ["n7"])
    assert "has it already, or it is an instance of n7, which is silent" in found.cause
