"""A lab's document is checked whole, and what it leaves open is chosen."""

from pathlib import Path

import pytest

from mallee.lab import document

TWO = """
[hosts.front]
role = "front"
[hosts.n1]
"""


def test_what_is_left_open_is_chosen() -> None:
    lab = document.parse(TWO)
    assert list(lab.hosts) == ["front", "n1", "world"]
    assert {name: host.nics[0].address for name, host in lab.hosts.items()} == {
        "front": "198.18.0.1",
        "n1": "198.18.0.2",
        "world": "198.18.0.3",
    }
    assert lab.switches == {"lan": document.Switch("bridge", "198.18.0.0/24")}


def test_what_a_cloud_leaves_open_is_a_labs() -> None:
    lab = document.parse(f'{TWO}[cloud]\nzone = "here"\n[cloud.network]\negress = false\n')
    assert (lab.cloud.zone, lab.cloud.listen) == ("here", "0.0.0.0")
    assert (lab.cloud.network.public_range, lab.cloud.network.egress) == ("198.19.0.0/24", False)
    for left_open in (TWO, f"{TWO}[cloud]\n"):
        network = document.parse(left_open).cloud.network
        assert (network.public_range, network.egress) == ("198.19.0.0/24", True)


def test_what_is_kept_reads_the_same() -> None:
    lab = document.parse(TWO)
    assert document.decode(document.encode(lab)) == lab
    assert document.complete(lab) == lab


def test_given_addresses_are_nobody_elses() -> None:
    text = '[hosts.a]\nrole = "bare"\n[hosts.b]\nrole = "bare"\n[[hosts.b.nics]]\n'
    lab = document.parse(text + 'address = "198.18.0.1"\n')
    assert lab.hosts["a"].nics[0].address == "198.18.0.2"
    assert lab.hosts["b"].nics[0].address == "198.18.0.1"


def test_switches_have_ranges_apart() -> None:
    lab = document.parse(f'{TWO}\n[switches.lan]\n[switches.x]\nrange = "198.18.0.0/23"\n')
    assert lab.switches["lan"].range == "198.18.2.0/24"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hosts = 1", "Expected `object`"),
        ("[hosts]", r"no host; name at least one: \[hosts.NAME\]"),
        ("[hosts.Ab]", "hosts.Ab: a name is a small letter"),
        ("[hosts.abcdefghijkl]", "up to nine small letters"),
        ("[hosts.n1]", "n1 shall join a cloud, and no host has one"),
        ('[hosts.world]\nrole = "bare"', "hosts.world is no world"),
        ('[hosts.a]\nrole = "front"\n[hosts.b]\nrole = "front"', "a and b have the role"),
        ('[hosts.a]\nrole = "bare"\nzone = "z"', "hosts.a.zone: only nodes"),
        ('[hosts.a]\nrole = "bare"\nnics = []', "hosts.a has no NIC"),
        ('[hosts.a]\nrole = "chief"', "Invalid enum value 'chief'"),
        ('[hosts.a]\nrole = "bare"\nnick = 1', "unknown field `nick`"),
        (
            '[hosts.a]\nrole = "bare"\nnics = [{switch = "x"}]',
            r"nics\[0\].switch: there is no x; there is lan",
        ),
        ('[hosts.a]\nrole = "bare"\nnics = [{vlan = 10}]', "a bridge knows no VLANs"),
        ('[hosts.a]\nrole = "bare"\nnics = [{vlan = 5000}]', "<= 4094"),
        (
            '[switches.lan]\nkind = "openvswitch"\n'
            '[hosts.a]\nrole = "bare"\nnics = [{vlan = 1, trunk = [2]}]',
            "has a vlan and a trunk",
        ),
        ('[hosts.a]\nrole = "bare"\nnics = [{address = "x"}]', "give one of 198.18.0.0/24"),
        ('[hosts.a]\nrole = "bare"\nnics = [{address = "10.0.0.1"}]', "no host's address in"),
        ('[hosts.a]\nrole = "bare"\nnics = [{address = "198.18.0.0"}]', "no host's address in"),
        (
            '[hosts.a]\nrole = "bare"\nnics = [{address = "198.18.0.9"}, {address = "198.18.0.9"}]',
            "hosts.a and hosts.a have both 198.18.0.9",
        ),
        (
            '[switches.lan]\nrange = "198.18.0.0/29"\n'
            '[hosts.a]\nrole = "bare"\nnics = [{}, {}, {}, {}, {}, {}]',
            "has no address left",
        ),
        ('[switches.lan]\nrange = "198.18.0.0/30"\n[hosts.a]', "too few addresses"),
        ('[switches.lan]\nrange = "198.18.0.1/24"\n[hosts.a]', "host bits set"),
        ('[switches.lan]\nrange = "172.31.0.0/24"\n[hosts.a]', "overlaps cloud.network"),
        (f"cloud = 3\n{TWO}", "Expected `object`"),
        (f"{TWO}[cloud]\nnetwork = 3", "Expected `object`"),
        (f'{TWO}[cloud]\nlisten = "127.0.0.1"', "nobody could join"),
        (
            f'{TWO}[cloud]\nlisten = "0.0.0.0"\nnetwork = {{public_range = "x"}}',
            "cloud.network.public_range",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(document.InvalidLab, match=said):
        document.parse(text)


def test_roots_keep_short() -> None:
    lab = document.parse(TWO)
    document.check_directory(lab, Path("/var/lib/mallee-lab/two"))
    with pytest.raises(document.InvalidLab, match="shorter names"):
        document.check_directory(lab, Path("/var/lib/mallee-lab/a-lab-of-a-long-name"))
    short = Path("/var/lib/mallee-lab/a-lab-of-two")
    document.check_directory(lab, short)
    with pytest.raises(document.InvalidLab, match="own-root has"):
        document.check_directory(document.parse(f"alike = true\n{TWO}"), short)
