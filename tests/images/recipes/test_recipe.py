"""Whoever errs in a recipe is told the line, the key, and what he may have meant."""

from pathlib import Path

import pytest

from mallee.images.recipes import passwords, places, recipe
from tests.images.recipes import builds

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGo5lsTgxjyGvnCqQxjvB9fQ2VhcY3DZ9zGMM0qQ2QrA me@home"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("base = ", "course.toml: Invalid value (at end of document)"),
        ("name = 'web'\n", "course.toml, line 1, recipe: base is missing"),
        ("base = 'debian-21'", "line 1, base: 'debian-21' is no base: tiny, debian-12, debian-13"),
        ("base = 'debian12'", "did you mean debian-12?"),
        ("base = 'tiny'\npakages = []", "line 2, pakages: there is no such key; did you mean pack"),
        ("base = 'tiny'\npackages = ['gcc']", "line 2, packages: the base tiny has no package"),
        (
            "base = 'debian-12'\npackages = [\n 'ok',\n '-x']",
            "line 4, packages[1]: '-x' is no pack",
        ),
        ("base = 'tiny'\nrun = 'ls'", "line 2, run: expected a list, got a text"),
        ("base = 'tiny'\nsize = '4'", "line 2, size: '4' is no size"),
        ("base = 'tiny'\nsize = '9 PiB'", "line 2, size"),
        ("base = 'tiny'\n[[users]]\nname = 'X'", "line 3, users[0].name: 'X' is no user's name"),
        (
            "base = 'tiny'\nusers = [{ name = 'x' },\n { name = 'y', pasword = '1' }]",
            "line 3, users[1].pasword: there is no such key; did you mean password?",
        ),
        ("base = 'tiny'\nusers = [{name='x'},{name='x'}]", "users[1].name: there are two users x"),
        (
            "base = 'tiny'\nusers = [{name='x', password='a', ssh-password=true}]",
            "users[0].ssh-password: the SSH of the base tiny takes keys only",
        ),
        (
            "base = 'tiny'\nusers = [{name='x', password='a', password-hash='$6$a$b'}]",
            "users[0]: give one of password, password-from, password-hash",
        ),
        (
            "base = 'tiny'\nusers = [{name='x', password-hash='plain'}]",
            "users[0].password-hash: this is no hash",
        ),
        (
            "base = 'tiny'\nusers = [{name='x', keys=['no-file']}]",
            "users[0].keys: no-file: No such",
        ),
        ("base = 'tiny'\nfiles = [{path='etc/x', content=''}]", "'etc/x' is no absolute path"),
        ("base = 'tiny'\nfiles = [{path='/../x', content=''}]", "is no absolute path"),
        ("base = 'tiny'\nfiles = [{path='/x'}]", "files[0]: give one of from"),
        ("base = 'tiny'\nfiles = [{path='/x', content='', mode='9'}]", "files[0].mode: '9' is no"),
        ("base = 'tiny'\nfiles = [{path='/x', from='../x'}]", "../x is not below the recipe's"),
        ("base = 'tiny'\nfiles = [{path='/x', from='/etc/shadow'}]", "not below the recipe's"),
        ("base = 'tiny'\nservices = ['nginx']", "a service of the base tiny is a command"),
        ("base = 'debian-12'\nservices = ['a b']", "services[0]: 'a b' is no service's name"),
        ("base = 'tiny'\nuser-data = 'ls'", "line 2, user-data: it begins with"),
        ("base = 'tiny'\nhostname = 'A_B'", "line 2, hostname"),
        ("base = 'tiny'\nmirror = 'http://x/y'", "only a Debian base has packages"),
        ("base = 'debian-12'\nmirror = 'ftp:x'", "line 2, mirror"),
        ("base = 'tiny'\nrun = ['']", "run[0]: this is no command"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    [said] = builds.complaints(text, tmp_path)
    assert told in said


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = "base = 'tiny'\nsize = '1'\nhostname = '-'\nrun = [' ']"
    assert len(builds.complaints(text, tmp_path)) == 3


def test_no_link_leads_out_of_the_recipes_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").symlink_to("/etc/hostname")
    (tmp_path / "folder").symlink_to("/etc")
    for name in ("secret", "folder/hostname"):
        text = f"base = 'tiny'\nfiles = [{{ path = '/x', from = '{name}' }}]"
        [said] = builds.complaints(text, tmp_path)
        assert "a link is on the way" in said or "Not a directory" in said


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n")
    text = "base = 'tiny'\nusers = [{ name = 'x', keys = ['id'] }]"
    [said] = builds.complaints(text, tmp_path)
    assert "a private key!" in said
    assert "abc" not in said


def test_a_recipe_brings_all_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task/hello.c").write_text("int main(void) { return 0; }\n")
    (tmp_path / "task/run").write_text("#!/bin/sh\n")
    (tmp_path / "task/run").chmod(0o755)
    (tmp_path / "keys.pub").write_text(f"# the teachers'\n{KEY}\n{KEY}\n")
    made = builds.parse(
        f"""
base = "debian-13"
packages = ["nginx", "gcc=4:14.2.0-1"]
users = [{{ name = "anna", password = "sesam", groups = ["sudo"], keys = ["keys.pub", "{KEY}"] }}]
files = [{{ path = "/srv/task", from = "task", owner = "anna" }}]
size = "6 GiB"
""",
        tmp_path,
    )
    assert made.name == "course"
    assert made.size_bytes == 6 << 30
    assert [(file.path, file.mode, file.owner, file.group) for file in made.files] == [
        ("/srv/task", 0o755, "anna", "anna"),
        ("/srv/task/hello.c", 0o644, "anna", "anna"),
        ("/srv/task/run", 0o755, "anna", "anna"),
    ]
    [anna] = made.users
    assert anna.keys == (KEY,) * 3
    assert passwords.is_hash(anna.hash)
    assert "sesam" not in repr(made)


def test_passwords_come_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PASSWORD", "sesam")
    (tmp_path / "word").write_text("sesam\n")
    hashes: set[str] = set()
    for said in ("password = 'sesam'", "password-from = 'env:COURSE_PASSWORD'"):
        made = builds.parse(f"base = 'tiny'\nusers = [{{ name = 'x', {said} }}]", tmp_path)
        hashes.add(made.users[0].hash)
    path = tmp_path / "course.toml"
    path.write_text("base = 'tiny'\nusers = [{ name = 'x', password-from = 'ask' }]")
    hashes.add(recipe.read(path, lambda prompt: "sesam").users[0].hash)
    path.write_text("base = 'tiny'\nusers = [{ name = 'x', password-from = 'file:word' }]")
    hashes.add(recipe.read(path, lambda prompt: "").users[0].hash)
    assert hashes == {passwords.hashed("sesam", "course", "x")}


def test_a_salt_says_nothing_of_its_password() -> None:
    first, second = (passwords.hashed(word, "course", "anna") for word in ("one", "two"))
    assert first != second
    assert first.split("$")[:4] == second.split("$")[:4]
    assert passwords.hashed("one", "course", "berta").split("$")[3] != first.split("$")[3]


def test_every_key_of_a_text_has_its_line() -> None:
    text = (
        'name = "x" # a = 1\nrun = ["a",\n  "b = [1]"]\nfiles = [\n'
        '  { path = "/a", content = """\n[no]\n""", mode = "1" },\n  { path = "/b" },\n]\n'
        "[[users]]\nname = 'a'\n[[users]]\nkeys = []\n[more]\n'x' = 1\n"
    )
    found = places.find(text)
    lines = {
        ("name",): 1,
        ("run", 0): 2,
        ("run", 1): 3,
        ("files", 0, "content"): 5,
        ("files", 0, "mode"): 7,
        ("files", 1, "path"): 8,
        ("users", 0, "name"): 11,
        ("users", 1): 12,
        ("users", 1, "keys"): 13,
        ("more", "x"): 15,
    }
    assert {path: found.get(path) for path in lines} == lines
    assert places.line_of(found, ("users", 1, "nothing")) == 12
