"""What goes along with a guest of what it speaks: its own, and nothing about who is elsewhere."""

from ipaddress import ip_address

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import VpcWanted
from mallee.node.plan.network import conversations, groups
from mallee.node.plan.network.conversations import TCP, TOLD_MAX, UDP, Conversation
from tests.node import shapes

INSIDE = shapes.subnet(1)
GUEST = shapes.interface(10, inside=INSIDE)
NEIGHBOUR = shapes.interface(11, inside=INSIDE)
FAR_PEER, WORLD = "10.0.1.77", "198.51.100.9"
SPOKEN = Conversation(TCP, WORLD, 40000, GUEST.private_ip, 22, 1000, groups.WORLD_IN, 3, (7, 7))


def vpc(gateway_host_id: str = "host-1") -> VpcWanted:
    made = shapes.vpc(0, (INSIDE,), (GUEST, NEIGHBOUR))
    return replace(made, gateway_host_id=gateway_host_id)


def is_adopted(one: Conversation, *, is_gateway: bool = False) -> bool:
    where = vpc("" if is_gateway else "host-1")
    return conversations.adopted(where, GUEST, (one,)) == (one,)


def test_what_a_guest_speaks_goes_along_whoever_began() -> None:
    assert is_adopted(SPOKEN)
    began = Conversation(UDP, GUEST.private_ip, 4000, FAR_PEER, 53, 30)
    assert is_adopted(began)


def test_what_the_gateway_translated_it_knows_itself() -> None:
    assert not is_adopted(SPOKEN, is_gateway=True)
    assert is_adopted(replace(SPOKEN, source=FAR_PEER), is_gateway=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"source": NEIGHBOUR.private_ip},
        {"destination": FAR_PEER},
        {"source": GUEST.private_ip},
        {"source": "169.254.169.254"},
        {"source": "fd00::1"},
        {"source": "nobody"},
        {"source_port": 0},
        {"destination_port": 1 << 16},
        {"protocol": 47},
        {"state": 2},
        {"idle_s": 0},
        {"idle_s": 1 << 30},
        {"mark": 1},
        {"scales": (15, 0)},
    ],
)
def test_another_host_says_nothing_of_others_and_nothing_unheard_of(
    changes: dict[str, object],
) -> None:
    assert not is_adopted(replace(SPOKEN, **changes))


def test_an_address_of_somebody_here_written_otherwise_is_his_all_the_same() -> None:
    own, neighbour = GUEST.ipv6s[0], NEIGHBOUR.ipv6s[0]
    spoken = replace(SPOKEN, source=own[:-1] + "77", destination=own)
    assert is_adopted(spoken)
    for other in (
        neighbour,
        ip_address(neighbour).exploded,
        neighbour.upper(),
        f"{neighbour}%1",
        own.replace("::", ":0::", 1),
    ):
        assert not is_adopted(replace(spoken, source=other)), other


def test_those_that_were_last_spoken_go_first() -> None:
    many = [replace(SPOKEN, idle_s=number + 1) for number in range(TOLD_MAX + 5)]
    assert min(one.idle_s for one in conversations.told(many)) == 6
