"""Ansible's collection amazon.aws keeps an account's identities: what is wanted is, and stays."""

import re
import sys
from pathlib import Path

import pytest

from tests import ansiblecollections
from tests.clients.identity.conftest import Person

BOOKS = Path(__file__).parent / "playbooks"


def play(person: Person, book: str) -> dict[str, int]:
    """Run a playbook; return the counts of its tasks. None of them may fail."""
    try:
        collections = ansiblecollections.collections()
    except ansiblecollections.Missing:
        pytest.skip("needs Ansible's collections, which ./test fetches")
    script = 'cd mallee; . ./env; cd ..; exec "$0" "$@"'
    inventory = f"localhost ansible_python_interpreter={sys.executable}"
    (person.home / "hosts").write_text(inventory + "\n")
    said = person.run(
        *("bash", "-ec", script, ansiblecollections.PLAYBOOK, "-i", "hosts", BOOKS / book),
        ANSIBLE_COLLECTIONS_PATH=str(collections),
        ANSIBLE_HOME=str(person.home / "ansible"),
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_FORKS="1",
        LC_ALL="C.UTF-8",
    )
    assert said.status == 0, said.out[-6000:] + said.err[-3000:]
    recap = said.out.rpartition("PLAY RECAP")[2]
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", recap)}


def test_a_playbook_makes_everything_once_and_takes_it_away_once(administrator: Person) -> None:
    assert play(administrator, "present.yml")["changed"] >= 9
    assert play(administrator, "present.yml")["changed"] == 0
    assert play(administrator, "use.yml")["ignored"] == 1
    assert play(administrator, "absent.yml")["changed"] >= 6
    assert play(administrator, "absent.yml")["changed"] == 0
