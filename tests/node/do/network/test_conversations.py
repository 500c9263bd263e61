"""Conversations as the kernel knows them: what one namespace says of them another one takes up."""

import pytest

from mallee.kit import process
from mallee.node.do.network import conversations, namespaces
from mallee.node.plan.network.conversations import TCP, UDP, Conversation

pytestmark = pytest.mark.host

OURS, THEIRS = "172.31.0.10", "198.51.100.7"
SPOKEN = (
    Conversation(TCP, THEIRS, 40000, OURS, 22, 3000, 0x80000000, 3, (7, 9)),
    Conversation(UDP, OURS, 5000, THEIRS, 53, 100),
    Conversation(TCP, "fd00::a", 40000, "fd00::b", 22, 3000, 0, 3, (7, 7)),
)
OTHERS = Conversation(TCP, THEIRS, 40000, "172.31.0.11", 22, 3000, 0, 3)
TRANSLATING = """
table inet t {
  chain inward { type nat hook output priority -100; ip daddr 127.0.0.9 dnat ip to 127.0.0.1; }
  chain look { type filter hook input priority 0; ct state new accept; }
}
"""


@pytest.fixture
def space(namespace_names: list[str]) -> str:
    name = "m-conversations"
    namespaces.ensure(name)
    namespace_names.append(name)
    process.run(("ip", "-n", name, "link", "set", "lo", "up"))
    return name


def known(space: str, *own: str) -> set[tuple[object, ...]]:
    return {
        (one.protocol, one.source, one.source_port, one.destination, one.mark, one.scales)
        for one in conversations.fetch(space, own)
    }


def test_what_was_written_is_read_and_twice_is_once(space: str) -> None:
    assert conversations.write(space, (*SPOKEN, OTHERS)) == 4
    assert conversations.write(space, (*SPOKEN, OTHERS)) == 0
    assert known(space, OURS, "fd00::b") == {
        (one.protocol, one.source, one.source_port, one.destination, one.mark, one.scales)
        for one in SPOKEN
    }


def test_services_of_the_host_itself_do_not_go_along(space: str) -> None:
    process.run((*namespaces.command(space, ("nft", "-f", "-")),), TRANSLATING.encode())
    asked = ("sh", "-c", "echo x | timeout 1 nc -u -w 1 127.0.0.9 9 || true")
    process.run(namespaces.command(space, asked))
    assert conversations.fetch(space, ("127.0.0.1", "127.0.0.9")) == ()


def test_more_than_go_at_once_are_all_taken_up(space: str) -> None:
    many = [Conversation(TCP, THEIRS, 1000 + number, OURS, 22, 3000, 0, 3) for number in range(300)]
    assert conversations.write(space, many) == 300
    assert len(conversations.fetch(space, (OURS,))) == 300


def test_those_of_an_address_or_a_range_are_forgotten_and_no_others(space: str) -> None:
    conversations.write(space, (*SPOKEN, OTHERS))
    assert conversations.forget(space, (OURS,)) == 2
    assert conversations.forget(space, (OURS, "192.0.2.9")) == 0
    assert known(space, OURS) == set()
    assert len(known(space, "172.31.0.11", "fd00::b")) == 2
    assert conversations.forget(space, ("fd00::/64",)) == 1
    assert len(known(space, "172.31.0.11", "fd00::b")) == 1
    assert conversations.forget(space, ("172.31.0.0/24",)) == 1


def test_those_of_many_addresses_are_forgotten_as_those_of_few_are(space: str) -> None:
    conversations.write(space, (*SPOKEN, OTHERS))
    many = [f"172.31.0.{number}" for number in range(1, 11)]
    assert conversations.forget(space, many) == 2
    assert known(space, OURS) == set()
    assert len(known(space, "172.31.0.11", "fd00::b")) == 2


def test_each_is_told_once_though_both_ends_are_asked_for(space: str) -> None:
    conversations.write(space, SPOKEN)
    assert len(conversations.fetch(space, (OURS, THEIRS))) == 2


def test_a_kernel_that_shows_nothing_is_asked_in_vain(
    space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the number of a part that no kernel has."""
    monkeypatch.setattr(conversations, "_GET", (63 << 8) | 1)
    assert conversations.forget(space, (OURS,)) == 0
