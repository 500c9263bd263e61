"""The words by which `mallee ssh` starts OpenSSH."""

from pathlib import Path

from mallee.cli.instances import instances
from mallee.model.layout import Layout


def words(instance: str) -> list[str]:
    login = instances.Login(Layout(Path("/r")), instance, "root", ("root@192.0.2.1", "true"))
    return login.words(Path("/k"))


def test_a_host_key_belongs_to_an_instance_and_not_to_its_address() -> None:
    """An elastic address that moved on is no reason to refuse the next instance."""
    assert "HostKeyAlias=i-1" in words("i-1")
    assert "HostKeyAlias=i-2" in words("i-2")
    assert words("i-1")[-2:] == ["root@192.0.2.1", "true"]


def test_nobody_waits_minutes_for_what_a_group_stops() -> None:
    assert f"ConnectTimeout={instances.CONNECT_S}" in words("i-1")
