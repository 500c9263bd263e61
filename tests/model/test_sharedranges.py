"""Blocks of addresses: what is lent of them, and which VLAN goes with each."""

from ipaddress import IPv4Address

from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.model.configuration.settings import Network
from mallee.model.network import sharedranges
from mallee.model.network.classic import Classic

ORIGINAL = Network(
    "192.168.3.0/27",
    mode="managed",
    classic=Classic(device="eth0", subnet="10.10.0.0/16", vlans="2-2049"),
)


def test_the_original_settings_give_2048_networks_of_32() -> None:
    shared = sharedranges.of(ORIGINAL)
    assert shared is not None
    assert (shared.blocks, shared.block_size, shared.per_block) == (2048, 32, 27)
    block = sharedranges.block("10.10.0.0/16", 32, 8)
    assert str(block) == "10.10.1.0/27"
    assert sharedranges.gateway(block) == "10.10.1.1"
    lent = sharedranges.lent_of_block(block)
    assert (str(IPv4Address(lent[0])), str(IPv4Address(lent[-1]))) == ("10.10.1.4", "10.10.1.30")
    assert sharedranges.vlan(ORIGINAL, 8) == 10


def test_without_vlans_blocks_are_as_many_as_the_range_has() -> None:
    few = Network(mode="managed", classic=Classic(subnet="10.10.0.0/16", vlans="7-9"))
    plain = Network(mode="managed-novlan", classic=Classic(subnet="10.10.0.0/16"))
    counts = [shared.blocks for it in (few, plain) if (shared := sharedranges.of(it))]
    assert counts == [3, 2048]
    assert sharedranges.vlan(plain, 3) == 0
    assert sharedranges.of(Network()) is None


@settings(deadline=None)
@given(st.integers(0, 4095), st.sampled_from([16, 32, 256, 2048]))
def test_every_address_lent_is_of_its_block_alone(index: int, size: int) -> None:
    cidr = "10.0.0.0/8"
    block = sharedranges.block(cidr, size, index)
    lent = sharedranges.lent_of_block(block)
    assert len(lent) == size - 5
    for number in (lent[0], lent[-1]):
        assert sharedranges.index_of(cidr, size, str(IPv4Address(number))) == index
    assert int(IPv4Address(sharedranges.gateway(block))) not in lent
