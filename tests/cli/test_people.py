"""Imports on the command line: shown first, done when asked, nothing left to do then."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.box import steps
from mallee.cli.people import directories
from mallee.cli.people.directories import Person
from tests.cli.conftest import Run
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender
from tests.fakes.ldapserver import Server

CSV = """user_name,full_name,email,groups,enabled
ann,"Onym, Ann",ann@example.org,dev;ops,yes
bob,,,dev,
"""


@pytest.fixture
def ldap() -> Iterator[Server]:
    with Server() as running:
        yield running


def _users(cloud: RunningCloud) -> set[str]:
    return {user["UserName"] for user in cloud.client("iam").list_users()["Users"]}


def test_csv_is_shown_then_done_then_settled(cloud: RunningCloud, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(CSV)
    shown = run("users", "import-csv", file)
    assert shown.status == 0, shown.err
    assert "user\tann\tcreate\tOnym, Ann, ann@example.org" in shown.out
    assert "7 changes shown, none made" in shown.err
    assert "ann" not in _users(cloud)
    done = run("users", "import-csv", file, "--apply")
    assert (done.status, done.out) == (0, shown.out)
    assert {"ann", "bob"} <= _users(cloud)
    again = run("users", "import-csv", file, "--apply")
    assert (again.out, "0 changes made" in again.err) == ("", True)
    invited = run("users", "invite", "ann")
    assert "ann@example.org" in invited.err
    assert run("users", "disable", "bob").status == 0
    listed = run("users", "list").out
    assert "ann\tenabled\tcsv\tann@example.org\tOnym, Ann\n" in listed
    assert "bob\tdisabled\tcsv" in listed
    assert run("users", "enable", "bob").status == 0


def test_ldap_is_followed(cloud: RunningCloud, run: Run, ldap: Server, tmp_path: Path) -> None:
    run("accounts", "create", "campus")
    cyd = ldap.add_person("cyd", mail="cyd@example.org")
    ldap.add_person("dan")
    ldap.add_group("staff", cyd)
    file = ldap.file(tmp_path / "ldap.toml")
    line = ("users", "import-ldap", file, "--account", "campus", "--apply", "--disable-missing")
    first = run(*line)
    assert first.status == 0, first.err
    assert first.out.splitlines() == [
        "group\tstaff\tcreate\t",
        "user\tcyd\tcreate\tcyd, cyd@example.org",
        "user\tcyd\tjoin\tstaff",
        "user\tdan\tcreate\tdan",
    ]
    assert run(*line).out == ""
    ldap.remove("dan")
    assert run(*line).out == "user\tdan\tdisable\tno longer in the directory\n"
    ldap.add_person("dan")
    assert run(*line).out == "user\tdan\tenable\t\n"
    assert "cyd" not in _users(cloud)


def test_csv_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(b"\xef\xbb\xbfuser_name,groups\r\n ann ,dev; dev ;ops\r\n")
    assert directories.read_csv(file) == [Person(user_name="ann", groups=("dev", "ops"))]


def test_as_many_as_an_account_may_have_fit_one_request(cloud: RunningCloud) -> None:
    text = directories.document(_crowd(5000))
    asked = {"Document": text, "Source": "crowd", "AccountName": "admin"}
    answer = Sender(cloud.port, cloud.admin).ask("mallee", "ImportUsers", **asked)
    assert answer.status == 200, answer.text[:200]
    assert answer.text.count("<Change>create</Change>") == 5001


def test_more_are_refused_before_they_are_sent() -> None:
    with pytest.raises(steps.Failed, match="too many"):
        directories.document(_crowd(7000))


def _crowd(count: int) -> list[Person]:
    return [
        Person(
            user_name=f"firstname.lastname{number:05}",
            full_name=f"Firstname Lastname {number:05}",
            email=f"firstname.lastname{number:05}@example.org",
            groups=("everybody",),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name\nann\n",
        "user_name,rank\nann,1\n",
        "user_name,email\nann\n",
        "user_name\nann,too,many\n",
        "user_name,enabled\nann,perhaps\n",
        'user_name\n"ann\n',
    ],
)
def test_bad_csv_is_said(text: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text)
    with pytest.raises(steps.Failed, match=r"people\.csv"):
        directories.read_csv(file)


def test_conflicts_are_told(run: Run, cloud: RunningCloud, tmp_path: Path) -> None:
    cloud.client("iam").create_user(UserName="hand-made")
    file = tmp_path / "people.csv"
    file.write_text("user_name\nhand-made\n")
    said = run("users", "import-csv", file, "--source", "other", "--apply")
    assert "conflict" in said.out
    assert "1 left as they are" in said.err
    assert run("users", "import-csv", file, "--source", "other", "--apply", "--adopt").status == 0
