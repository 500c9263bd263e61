"""The settings document: checked whole, and written as it is read."""

import pytest

from mallee.model.configuration import settings
from mallee.model.configuration.settings import InvalidSettings, Network, Settings


def test_what_is_written_is_read_again() -> None:
    chosen = Settings(network=Network("192.168.3.0/24", public_addresses=("192.168.3.7",)))
    assert settings.parse(settings.encode(chosen)) == chosen


def test_landmarks_are_machines_of_the_world() -> None:
    chosen = Settings(network=Network(landmarks=("192.0.2.77", "2001:db8::77")))
    assert settings.parse(settings.encode(chosen)) == chosen
    for one in ("127.0.0.1", "example.org", "224.0.0.1", "203.0.113.9", "172.31.0.4"):
        with pytest.raises(InvalidSettings, match=r"network\.landmarks"):
            settings.parse(f'[network]\nlandmarks = ["{one}"]\n')
    many = ", ".join(f'"192.0.2.{number}"' for number in range(1, 10))
    with pytest.raises(InvalidSettings, match="at most 8"):
        settings.parse(f"[network]\nlandmarks = [{many}]\n")


@pytest.mark.parametrize(
    ("listed", "cause"),
    [
        ('["192.168.4.1"]', "not within"),
        ('["192.168.3.9-192.168.3.4"]', "ends before"),
        ('["gateway"]', "gateway"),
        ('"192.168.3.7"', "array"),
    ],
)
def test_a_list_of_public_addresses_must_make_sense(listed: str, cause: str) -> None:
    text = f'[network]\npublic_range = "192.168.3.0/24"\npublic_addresses = {listed}\n'
    with pytest.raises(InvalidSettings, match=cause):
        settings.parse(text)


@pytest.mark.parametrize(
    ("table", "setting", "value"),
    [
        ("deadlines", "launch_s", "-5"),
        ("deadlines", "stop_s", "0"),
        ("deadlines", "launch_s", "nan"),
        ("deadlines", "terminate_s", "inf"),
        ("ports", "services", "70000"),
        ("ports", "agents", "-1"),
        ("capacity", "vcpus_per_core", "0"),
        ("capacity", "reserved_disk_gib", "-1"),
        ("trail", "kept_days", "-1"),
    ],
)
def test_numbers_that_no_cloud_could_live_with_are_refused(
    table: str, setting: str, value: str
) -> None:
    with pytest.raises(InvalidSettings, match=rf"{table}\.{setting}"):
        settings.parse(f"[{table}]\n{setting} = {value}")
