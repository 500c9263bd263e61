"""The command as a whole: its help says what each verb does, and no mistake shows its insides."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mallee.cli import main
from mallee.model.layout import Layout
from tests.cli.conftest import Run, Said


@pytest.mark.parametrize("ask", [(), ("--help",), ("-h",)])
@pytest.mark.parametrize("group", main.GROUPS)
def test_help_of_a_group_says_what_each_verb_does(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    group: str,
    ask: tuple[str, ...],
) -> None:
    if group in main.LISTS and not ask:
        pytest.skip("its name alone asks for the list")
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit):
        main.run([group, *ask])
    said = capsys.readouterr().out
    for verb in main.GROUPS[group][1]:
        assert re.search(rf"^\W*{verb} +[A-Z][^│]+\w\W+$", said, re.M), verb


@pytest.mark.parametrize("verb", main.VERBS)
def test_help_of_a_verb_says_all_that_its_function_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit):
        main.run([verb, "--help"])
    place, _, name = main.VERBS[verb][0].partition(":")
    told = getattr(importlib.import_module(place), name).__doc__
    words = told.partition("Parameters\n")[0].replace("`", "").split()
    assert " ".join(words) in " ".join(capsys.readouterr().out.split())


def test_a_number_out_of_range_is_refused_by_the_cloud(run: Run) -> None:
    said = run("registrations", "invite", "chem", "bob@example.org", "--hours", "0")
    assert (said.status, "greater than or equal to 1" in said.err) == (1, True), said.err
    said = run("quota", "set", "vminstancenumber", "-1", "--account", "admin")
    assert (said.status, "greater than or equal to 0" in said.err) == (1, True), said.err


def test_a_cloud_elsewhere_that_does_not_answer_is_not_to_be_started_here(run: Run) -> None:
    said = run("request", "new", "ann@example.org", "--endpoint", "http://127.0.0.1:1")
    assert (said.status, "whether the address is right" in said.err) == (1, True), said.err


def test_a_question_that_nobody_answers_ends_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_prompt: str) -> str:
        raise EOFError

    run("accounts", "create", "lone")
    monkeypatch.setattr("builtins.input", nobody)
    said = run("accounts", "delete", "lone")
    assert (said.status, "nobody is there to answer" in said.err) == (1, True), said.err


def test_a_policy_that_cannot_be_read_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    for said in (run("accounts", "put-policy", "admin", "p", file), _spoilt(run, file)):
        assert said.status == 1
        assert str(file) in said.err
        assert "JSON" in said.err


def _spoilt(run: Run, file: Path) -> Said:
    file.write_bytes(b"\xff\xfe")
    return run("accounts", "put-policy", "admin", "p", file)


def test_a_document_that_is_no_text_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    file.write_bytes(b"\xff\xfe")
    missing = tmp_path / "eucalyptus.conf"
    for said, why in (
        (run("config", "check", file), f"{file} is no text"),
        (run("config", "import", missing), f"{missing} cannot be read"),
    ):
        assert (said.status, why in said.err) == (1, True), said.err
        assert "cure:" in said.err


@pytest.mark.parametrize("text", ["[ports]\nservice = 1\n", "zone =\n"])
def test_what_is_wrong_in_a_document_is_said_by_its_own_name(
    run: Run, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "other.toml"
    file.write_text(text)
    for asked in ("check", "plan", "apply"):
        said = run("config", asked, file)
        assert (said.status, f"{file}: " in said.err) == (1, True), said.err
        assert "mallee.toml" not in said.err


def test_a_host_of_another_cloud_says_where_its_front_end_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, root_dir: Path
) -> None:
    monkeypatch.setenv("MALLEE_ROOT", str(root_dir))
    path = Layout(root_dir).node_pki / "membership.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"url": "https://192.0.2.1:8774", "host_id": "host-1"}')
    assert main.run(["hosts"]) == 1
    said = capsys.readouterr().err
    assert "a host of the cloud at https://192.0.2.1:8774" in said
    assert "starts one" not in said


def test_who_reads_no_more_is_no_trouble(tmp_path: Path) -> None:
    conf = tmp_path / "eucalyptus.conf"
    conf.write_text('VNET_MODE="SYSTEM"\nVNET_SUBNET="192.0.2.0"\nVNET_NETMASK="255.255.255.0"\n')
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", "mallee.cli.main", "config", "import", conf, "--root", tmp_path]
    done = subprocess.run(line, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, "roken" in done.stderr) == (141, False), done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("config", "check", "-"),
        ("config", "plan", "-"),
        ("config", "apply", "-"),
        ("config", "import", "-"),
        ("config", "move-database", "-"),
        ("frontends", "join", "-", "--address", "192.0.2.2"),
        ("frontends", "join", "--address", "192.0.2.2", "-"),
        ("node", "join", "-", "--again"),
    ],
)
def test_a_hyphen_is_standard_input(words: tuple[str, ...]) -> None:
    _, bound, _ = main.app.parse_args(words)
    assert "-" in map(str, bound.args)


def test_what_is_no_option_is_not_taken_for_a_document(run: Run) -> None:
    said = run("frontends", "join", "--adress", "192.0.2.2")
    assert (said.status, "--ad" in said.out + said.err) == (2, True), said
