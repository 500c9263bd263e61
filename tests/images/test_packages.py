"""What apt says when it brings no packages is told in a line."""

from pathlib import Path

import pytest

from mallee.images import packages

_NO_NETWORK = "Temporary failure resolving 'archive.example'"
_GONE = "404  Not Found [IP: 192.0.2.80 80]"


def _line(name: str, why: str) -> str:
    return f"E: Failed to fetch http://archive.example/debian/pool/main/{name}_1_amd64.deb  {why}\n"


def test_one_reason_of_many_packages_is_told_once() -> None:
    said = "W: slow\n" + "".join(_line(f"lib{number}", _NO_NETWORK) for number in range(30))
    assert packages.tell_unfetched(31, said) == f"30 of 31 packages: {_NO_NETWORK}"


def test_reasons_that_differ_are_all_told() -> None:
    said = _line("a", _GONE) + _line("b", _NO_NETWORK) + _line("c", _GONE)
    told = packages.tell_unfetched(3, said)
    assert told == f"2 of 3 packages: {_GONE}; 1 of 3 packages: {_NO_NETWORK}"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("E: Unable to locate package busybox-static\n", "Unable to locate package busybox-static"),
        ("sh: 1: exec: apt-get: not found\n", "sh: 1: exec: apt-get: not found"),
        ("", "apt-get download failed, and did not say why"),
    ],
)
def test_what_apt_says_otherwise_is_told_too(said: str, told: str) -> None:
    assert packages.tell_unfetched(1, said) == told


def test_a_package_that_apt_does_not_know_is_named(root_dir: Path) -> None:
    with pytest.raises(packages.Unfetched, match="mallee-has-no-such-package"):
        packages.fetch(["mallee-has-no-such-package"], root_dir)
    assert not [*root_dir.iterdir()]
