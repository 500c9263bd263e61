"""Runs a playbook of Ansible as somebody with Mallee's files in his home directory."""

import re
from pathlib import Path

import pytest

from tests import ansiblecollections
from tests.clients.identity.conftest import Person
from tests.standby import programs as standby


def play(person: Person, book: Path) -> dict[str, int]:
    """Run a playbook; return the counts of its tasks. None of them may fail."""
    try:
        collections = ansiblecollections.collections()
    except ansiblecollections.Missing:
        pytest.skip("needs Ansible's collections, which ./test fetches")
    script = 'cd mallee; . ./env; cd ..; exec "$0" "$@"'
    inventory = f"localhost ansible_python_interpreter={standby.interpreter()}"
    (person.home / "hosts").write_text(inventory + "\n")
    said = person.run(
        *("bash", "-ec", script, ansiblecollections.PLAYBOOK, "-i", "hosts", book),
        ANSIBLE_COLLECTIONS_PATH=str(collections),
        ANSIBLE_HOME=str(person.home / "ansible"),
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_FORKS="1",
        LC_ALL="C.UTF-8",
    )
    assert said.status == 0, said.out[-6000:] + said.err[-3000:]
    recap = said.out.rpartition("PLAY RECAP")[2]
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", recap)}
