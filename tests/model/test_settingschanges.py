"""What a change of settings takes, and what stands against it."""

from msgspec.structs import replace

from mallee.model import settings, settingschanges
from mallee.model.settings import Capacity, Network, Settings
from mallee.model.settingschanges import CloudStanding, HostStanding

OWN = HostStanding("host-1", "front", is_up=True, is_own=True)
FAR = HostStanding("host-2", "far", is_up=True, is_own=False)
SILENT = HostStanding("host-3", "gone", is_up=False, is_own=False)
IDLE = CloudStanding((OWN, FAR, SILENT), instances=0, public_addresses_used=0)
BUSY = CloudStanding((OWN,), instances=3, public_addresses_used=1)


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


def test_ranges_in_use_stay() -> None:
    after = Settings(network=Network("198.51.100.0/24"))
    assert not settingschanges.plan(Settings(), after, IDLE).obstacles
    (obstacle,) = settingschanges.plan(Settings(), after, BUSY).obstacles
    assert "network.public_range: there are 3 instances" in obstacle


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
