"""Runs playbooks of Ansible as somebody with Mallee's files in his home directory."""

import itertools
import re
from pathlib import Path

import pytest

from tests import ansiblecollections
from tests.clients.identity.conftest import Person
from tests.standby import programs as standby


def play(person: Person, *books: Path) -> list[dict[str, int]]:
    """Run playbooks one after another; return the counts of each one's tasks. None may fail.

    It is one run of Ansible, which packs a module once for all of them.
    """
    try:
        collections = ansiblecollections.collections()
    except ansiblecollections.Missing:
        pytest.skip("needs Ansible's collections, which ./test fetches")
    script = 'cd mallee; . ./env; cd ..; exec "$0" "$@"'
    inventory = f"localhost ansible_python_interpreter={_interpreter(collections)}"
    (person.home / "hosts").write_text(inventory + "\n")
    said = person.run(
        *("bash", "-ec", script, ansiblecollections.PLAYBOOK, "-i", "hosts", *books),
        ANSIBLE_COLLECTIONS_PATH=str(collections),
        ANSIBLE_HOME=str(person.home / "ansible"),
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_FORKS="1",
        LC_ALL="C.UTF-8",
    )
    assert said.status == 0, said.out[-6000:] + said.err[-3000:]
    recaps = [_counts(recap) for recap in re.findall(r"^PLAY RECAP.*\n(.+)", said.out, re.M)]
    assert len(recaps) == len(books), said.out[-6000:]
    return [_since(before, now) for before, now in itertools.pairwise([{}, *recaps])]


def _interpreter(collections: Path) -> Path:
    """A Python for modules of the collection: scripts that bring along what they share as source in
    an archive, and take what is imported already instead, which is the same.
    """
    shared = "ansible_collections.amazon.aws.plugins.module_utils"
    files = collections.joinpath(*shared.split(".")).glob("*.py")
    own = (f"{shared}.{path.stem}" for path in sorted(files))
    basic = ("ansible.module_utils.basic", "ansible.module_utils._internal._ansiballz._loader")
    return standby.interpreter(("boto3", *basic, *own), str(collections))


def _counts(recap: str) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", recap)}


def _since(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    """What one playbook did: a recap tells of those before it, too."""
    return {name: count - before.get(name, 0) for name, count in now.items()}
