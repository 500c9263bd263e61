"""Every command of docs/lab.md works, in the order of the page; every document there is right."""

import re

import msgspec

from mallee.lab import document, openvswitch
from tests.docs import pages

PAGE = pages.read("lab.md")
DOCUMENTS = pages.documents(PAGE)
COMMANDS = [line for _, line in pages.commands(PAGE)]
SAYS = {
    "mallee lab enter front -- mallee hosts": "n2",
    "mallee lab enter n1 -- mallee status": "node",
    "mallee lab enter world -- aws ec2 describe-availability-zones": "us-east-1a",
    "mallee lab cut n1": "n1.eth0: cut",
    "mallee lab enter n1 -- ip -br link": "NO-CARRIER",
    "mallee lab cut n1 --loss 30 --delay-ms 20": "n1.eth0: loses 30 % each way; 20 ms each way",
    "mallee lab cut n2 --mtu 1400": "n2.eth0: nothing larger than 1400",
    "mallee lab mend n1": "n2.eth0",
    'mallee lab enter front -- sh -c "mallee doctor || true"': "packets larger than 1400 bytes",
    "mallee lab mend": "all good",
}


def test_every_command_of_the_page_works() -> None:
    with pages.directory("lab", DOCUMENTS[0], ("front", "n1", "n2")) as labs:
        pages.run_all(COMMANDS, labs, SAYS)
        assert not (labs / "lab").exists()


def test_every_document_of_the_page_is_right() -> None:
    assert [len(document.parse(text).hosts) for text in DOCUMENTS] == [4, 3]


def test_every_key_is_in_the_table_and_no_other() -> None:
    named = set(re.findall(r"^\| `([a-zA-Z._]+)` \|", PAGE, re.M))
    known = {f"hosts.NAME.{name}" for name in _fields(document.Host)}
    known |= {f"switches.NAME.{name}" for name in _fields(document.Switch)}
    known |= {f"nics.{name}" for name in _fields(document.Nic)}
    known |= set(_fields(document.Lab)) - {"hosts", "switches"}
    assert named == known
    for ailment in _fields(document.Cable):
        assert f"`{ailment}`" in PAGE


def test_it_names_the_package_of_open_vswitch() -> None:
    assert f"`{openvswitch.PACKAGE}`" in PAGE


def _fields(struct: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(struct)]
