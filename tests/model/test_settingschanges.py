"""What a change of settings takes, and what stands against it."""

import dataclasses
from typing import Any

import msgspec
import pytest

from mallee.model.configuration import settings, settingschanges, sharing
from mallee.model.configuration.settings import (
    Capacity,
    Deadlines,
    Network,
    Objects,
    Ports,
    Registration,
    Settings,
)
from mallee.model.configuration.settingschanges import (
    CloudStanding,
    FrontEndStanding,
    HostStanding,
)
from mallee.model.network.classic import Classic

OWN = HostStanding("host-1", "front", is_up=True, is_own=True)
FAR = HostStanding("host-2", "far", is_up=True, is_own=False)
SILENT = HostStanding("host-3", "gone", is_up=False, is_own=False)
IDLE = CloudStanding((OWN, FAR, SILENT), instances=0, public_addresses_used=0)
ELSEWHERE = Settings(listen="192.0.2.200")
BUSY = CloudStanding((OWN,), instances=3, public_addresses_used=1)


def replace(value: Any, **changes: Any) -> Any:
    """A value with something else in it, whichever kind it is."""
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(value, **changes)  # type: ignore[type-var]
    return msgspec.structs.replace(value, **changes)


def test_every_setting_has_a_rule_of_its_own() -> None:
    # Changing anything means something to somebody, or is refused with words.
    for name in settingschanges.names():
        rule = settingschanges.rule_of(name)
        assert rule.readers, name


def test_a_change_names_who_reads_it() -> None:
    after = Settings(capacity=Capacity(vcpus_per_core=2))
    found = settingschanges.plan(Settings(), after, IDLE)
    assert [(it.name, it.before, it.after) for it in found.changes] == [
        ("capacity.vcpus_per_core", "8", "2")
    ]
    assert found.restarts == ("node",)
    assert not found.obstacles
    assert dict(found.hosts)["far"] == "nothing changes"


def test_hosts_that_are_heard_are_waited_for() -> None:
    found = settingschanges.plan(Settings(), Settings(listen="0.0.0.0"), IDLE)
    assert found.restarts == ("cloud", "s3")
    becomes = dict(found.hosts)
    assert "start anew: cloud, s3" in becomes["front"]
    assert "calls the cloud again" in becomes["far"]
    assert "not waited for" in becomes["gone"]


@pytest.mark.parametrize(
    ("calls", "listen", "words"),
    [
        # On another machine.
        ("192.0.2.1", "127.0.0.1", "nothing of another machine comes to 127.0.0.1"),
        ("", "127.0.0.1", "nothing of another machine"),
        ("", "localhost", "nothing of another machine"),
        ("192.0.2.1", "192.0.2.9", "it calls at 192.0.2.1, which is not 192.0.2.9"),
        ("", "192.0.2.9", "unless it calls at 192.0.2.9"),
        ("cloud.example", "192.0.2.9", "unless it calls at 192.0.2.9"),
        ("2001:db8::1", "0.0.0.0", "0.0.0.0 has IPv4 alone"),
        ("192.0.2.1", "::", ":: has IPv6 alone"),
        ("192.0.2.1", "0.0.0.0", ""),
        ("192.0.2.1", "192.0.2.1", ""),
        ("", "0.0.0.0", ""),
        ("192.0.2.1", "cloud.example", ""),
    ],
)
def test_a_host_that_would_be_cut_off_is_told_of_before(
    calls: str, listen: str, words: str
) -> None:
    standing = replace(IDLE, hosts=(replace(FAR, calls=calls),))
    ((_, becomes),) = settingschanges.plan(ELSEWHERE, Settings(listen=listen), standing).hosts
    assert ("cut off" in becomes, words in becomes) == (bool(words), True), becomes
    assert ("the change is undone then" in becomes) is bool(words)
    assert words or becomes == "calls the cloud again"


@pytest.mark.parametrize(
    ("listen", "is_cut"), [("127.0.0.1", False), ("0.0.0.0", False), ("192.0.2.9", True)]
)
def test_the_cloud_s_own_host_may_be_cut_off_as_well(listen: str, is_cut: bool) -> None:
    standing = replace(IDLE, hosts=(replace(OWN, calls="127.0.0.1"),))
    ((_, becomes),) = settingschanges.plan(ELSEWHERE, Settings(listen=listen), standing).hosts
    assert ("cut off: it calls at 127.0.0.1" in becomes) is is_cut, becomes


def test_nobody_is_cut_off_by_what_has_nothing_to_do_with_it() -> None:
    found = settingschanges.plan(Settings(), Settings(deadlines=Deadlines(stop_s=90)), IDLE)
    assert "cut off" not in str(found.hosts)


def test_ranges_in_use_stay() -> None:
    after = Settings(network=Network("198.51.100.0/24"))
    assert not settingschanges.plan(Settings(), after, IDLE).obstacles
    (obstacle,) = settingschanges.plan(Settings(), after, BUSY).obstacles
    assert "network.public_range: there are 3 instances" in obstacle


MANAGED = Network(mode="managed", classic=Classic(device="eth1", subnet="10.10.0.0/16"))


def test_a_change_of_the_mode_says_what_it_means_and_waits_until_nothing_is_there() -> None:
    found = settingschanges.plan(Settings(), Settings(network=MANAGED), IDLE)
    assert not found.obstacles
    assert found.restarts == ("cloud", "s3", "node")
    means = " ".join(found.meanings)
    assert "2,048 networks of 32 addresses, 27 of each are lent" in means
    assert "VLAN of 2-2049 on eth1" in means
    used = replace(IDLE, in_networks=("instances: i-1", "NAT gateways: nat-1"))
    obstacles = settingschanges.plan(Settings(), Settings(network=MANAGED), used).obstacles
    assert all("instances: i-1; NAT gateways: nat-1" in one for one in obstacles)
    assert {one.partition(":")[0] for one in obstacles} == {
        "network.mode",
        "network.classic.device",
        "network.classic.subnet",
    }


def test_what_a_running_mode_may_change_is_changed() -> None:
    used = replace(IDLE, in_networks=("instances: i-1",))
    held = replace(MANAGED.classic, uplink="eth0", name_servers=("10.10.0.1",))
    after = Settings(network=replace(MANAGED, classic=held))
    assert not settingschanges.plan(Settings(network=MANAGED), after, used).obstacles


def test_a_cloud_at_chance_ports_does_not_start_anew_at_others() -> None:
    chance = Settings(ports=Ports(services=0, agents=0))
    standing = replace(IDLE, ports=(("ports.agents", 41234), ("ports.services", 41235)))
    obstacles = settingschanges.plan(chance, replace(chance, listen="::"), standing).obstacles
    assert [one.partition(":")[0] for one in obstacles] == ["ports.services", "ports.agents"]
    assert "41235" in obstacles[0]
    # What only the agent reads is no matter, nor is a port that is written down.
    quiet = replace(chance, capacity=Capacity(vcpus_per_core=2))
    assert not settingschanges.plan(chance, quiet, standing).obstacles
    told = replace(chance, ports=Ports(services=41235, agents=41234))
    assert not settingschanges.plan(chance, told, standing).obstacles
    other = replace(chance, ports=Ports(services=41235, agents=41236))
    assert settingschanges.plan(chance, other, standing).obstacles


def test_what_a_cloud_was_made_with_stays() -> None:
    for after in (
        Settings(region="eu-west-1"),
        Settings(zone="us-east-1b"),
        Settings(objects=settings.Objects(bucket="b")),
    ):
        assert settingschanges.plan(Settings(), after, IDLE).obstacles


def test_a_password_is_not_shown() -> None:
    held = Settings(database_url="postgresql+psycopg://mallee:secret@db/mallee")
    (change,) = settingschanges.differences(Settings(), held)
    assert "secret" not in f"{change}{settingschanges.shown(held, with_secrets=False)}"
    assert "secret" in settingschanges.shown(held, with_secrets=True)
    other = replace(held, database_url="postgresql+psycopg://mallee:other@db/mallee")
    assert [it.name for it in settingschanges.differences(held, other)] == ["database_url"]


def test_what_becomes_of_each_front_end_is_told() -> None:
    def there(name: str, found: Settings, *, is_up: bool = True) -> FrontEndStanding:
        return FrontEndStanding(name, is_up, name == "fe0", sharing.document(found))

    before, after = Settings(), Settings(registration=Registration(open=False))
    other = Settings(deadlines=Deadlines(stop_s=5.0))
    three = (there("fe0", before), there("fe1", other), there("fe2", before, is_up=False))
    standing = replace(IDLE, front_ends=three)
    planned = settingschanges.plan(before, after, standing)
    assert planned.is_for_all
    assert planned.front_ends == (
        ("fe0", "start anew: cloud, s3; guests go on"),
        (
            "fe1",
            "start anew: cloud, s3; guests go on; deadlines.stop_s becomes 60.0, is 5.0 there",
        ),
        ("fe2", "is away, and gets it when it is back"),
    )
    own = settingschanges.plan(before, Settings(objects=Objects(processes=2)), standing)
    assert not own.is_for_all
    assert dict(own.front_ends)["fe1"] == "nothing changes"


def test_what_holds_here_may_be_brought_to_others_again() -> None:
    both = (
        FrontEndStanding("fe0", True, True, sharing.document(Settings())),
        FrontEndStanding("fe1", True, False, sharing.document(Settings(region="other"))),
    )
    standing = replace(IDLE, front_ends=both)
    again = settingschanges.plan(Settings(), Settings(), standing)
    assert (again.changes, again.is_for_all) == ((), True)
    assert dict(again.front_ends)["fe1"].endswith('region becomes "us-east-1", is "other" there')
    alike = replace(IDLE, front_ends=both[:1])
    assert not settingschanges.plan(Settings(), Settings(), alike).is_for_all
