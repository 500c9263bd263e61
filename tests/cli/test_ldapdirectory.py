"""People and groups come from a real LDAP server, page by page, over TLS, and nothing else does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.box import steps
from mallee.cli.people import ldapdirectory
from mallee.cli.people.directories import Person
from tests.fakes import ldapserver
from tests.fakes.ldapserver import BASE, Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        ann = running.add_person("Ann", cn="Ann Onym", mail="ann@example.org")
        bob = running.add_person("bob", employeeType="former")
        running.add_group("dev", ann.upper().replace("UID=ANN", "uid = Ann"), bob)
        running.add_group("ops", bob)
        running.add_unix_group("unix", "ann", "nobody")
        for number in range(25):
            running.add_person(f"many{number:02}")
        yield running


def test_everybody_is_there_with_his_groups(server: Server, tmp_path: Path) -> None:
    people, groups = ldapdirectory.read(server.file(tmp_path / "d.toml"))
    by_name = {person.user_name: person for person in people}
    assert by_name["Ann"] == Person(
        user_name="Ann", full_name="Ann Onym", email="ann@example.org", groups=("dev", "unix")
    )
    assert by_name["bob"].groups == ("dev", "ops")
    assert not by_name["bob"].is_enabled
    assert len(people) == 27
    assert sorted(groups) == ["dev", "ops", "unix"]


def test_groups_can_be_called_something_else(server: Server, tmp_path: Path) -> None:
    file = server.file(tmp_path / "d.toml")
    file.write_text(file.read_text() + '[groups.map]\ndev = "Developers"\n')
    people, groups = ldapdirectory.read(file)
    assert groups == ["Developers"]
    assert {group for person in people for group in person.groups} == {"Developers"}


def test_start_tls_is_spoken(server: Server, tmp_path: Path) -> None:
    url = f"ldap://127.0.0.1:{server.port}"
    people, _ = ldapdirectory.read(server.file(tmp_path / "d.toml", "start_tls = true", url))
    assert len(people) == 27


def test_nothing_is_sent_in_the_clear_unasked(server: Server, tmp_path: Path) -> None:
    with pytest.raises(steps.Failed, match="in the clear"):
        ldapdirectory.read(server.file(tmp_path / "d.toml", url=server.url))
    people, _ = ldapdirectory.read(
        server.file(tmp_path / "e.toml", "plain_text = true", server.url)
    )
    assert len(people) == 27


def test_server_that_nobody_vouches_for_is_not_believed(server: Server, tmp_path: Path) -> None:
    file = server.file(tmp_path / "d.toml")
    file.write_text(file.read_text().replace(f"{server.directory}/ca.pem", ""))
    with pytest.raises(steps.Failed, match=r"(?i)contact|certificate") as failed:
        ldapdirectory.read(file)
    assert "ca_file" in failed.value.cure


def test_password_file_that_is_not_there_is_said(server: Server, tmp_path: Path) -> None:
    file = server.file(tmp_path / "d.toml")
    file.write_text(file.read_text().replace(str(server.password_file), "/nowhere"))
    with pytest.raises(steps.Failed, match="/nowhere") as failed:
        ldapdirectory.read(file)
    assert "password_file" in failed.value.cure


def test_wrong_password_is_said_without_it(server: Server, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("quite wrong")
    file = server.file(tmp_path / "d.toml")
    file.write_text(file.read_text().replace(str(server.password_file), str(wrong)))
    with pytest.raises(steps.Failed, match="Invalid credentials") as failed:
        ldapdirectory.read(file)
    assert "quite wrong" not in str(failed.value)


def test_server_that_is_away_is_said(tmp_path: Path) -> None:
    file = tmp_path / "d.toml"
    file.write_text(f'url = "ldaps://127.0.0.1:1"\n[people]\nbase = "{BASE}"\n')
    with pytest.raises(steps.Failed, match="contact"):
        ldapdirectory.read(file)


@pytest.mark.parametrize("text", ["x", 'url = "ldaps://a"', 'url = "ldaps://a"\nwhat = 1\n'])
def test_bad_file_is_said(text: str, tmp_path: Path) -> None:
    file = tmp_path / "d.toml"
    file.write_text(text)
    with pytest.raises(steps.Failed):
        ldapdirectory.read(file)


def test_too_many_are_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ldapdirectory, "ENTRIES_MAX", 20)
    monkeypatch.setattr(ldapdirectory, "PAGE", ldapserver.PAGE)
    with pytest.raises(steps.Failed, match="more than 20"):
        ldapdirectory.read(server.file(tmp_path / "d.toml"))
