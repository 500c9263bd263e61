"""What a cloud that was taken over may say of other hosts, and what of it an agent refuses."""

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted, SyncAnswer
from mallee.model.network.carried import AddressWanted, FarInterface, FarWanted, PeerWanted
from mallee.node.plan.trust import trust
from tests.node.plan.network import test_overlay

FAR = FarInterface("eni-00000000000000009", "i-00000000000000009", ("10.0.1.99",))


def with_vpc(**changes: object) -> HostWanted:
    wanted = test_overlay.example()
    return replace(wanted, vpcs=(replace(wanted.vpcs[0], **changes),))


def with_far(**changes: object) -> HostWanted:
    far = FarWanted(host_id=test_overlay.NEAR.id, interfaces=(replace(FAR, **changes),))
    return with_vpc(far=(far,), gateway_host_id="")


def with_number(number: int) -> HostWanted:
    net = test_overlay.example().vpcs[0].subnets[0]
    return with_vpc(subnets=(replace(net, number=number),))


def refuse(wanted: HostWanted) -> None:
    with pytest.raises(trust.NotTrusted):
        trust.check_answer(SyncAnswer(wanted=wanted))


def test_what_clouds_say_is_taken() -> None:
    wanted = test_overlay.example()
    assert trust.check_answer(SyncAnswer(wanted=wanted)).wanted == wanted
    assert trust.check_answer(SyncAnswer(wanted=with_far())).wanted is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "eni-1; reboot"},
        {"id": "nat-00000000000000001"},
        {"instance_id": "../../x"},
        {"ips": ()},
        {"ips": ("169.254.169.254",)},
        {"ips": ("192.0.2.1",)},
        {"ips": ("0.0.0.0/0",)},
        {"ips": ("10.0.1.99 via 192.0.2.1",)},
        {"ip6s": ("::/0",)},
        {"ip6s": ("fe80::1%eth0",)},
        {"ip6s": ("fd01::5",)},
        {"resource_ips": ("10.0.1.99\n1.2.3.4",)},
        {"published": (AddressWanted(private_ip="10.0.1.99", public_ip="8.8.8.8"),)},
        {
            "published": (
                AddressWanted(private_ip="10.0.1.99", public_ip="203.0.113.9", public_name="a\nb"),
            )
        },
    ],
)
def test_interfaces_elsewhere_are_the_vpcs_own(changes: dict[str, object]) -> None:
    refuse(with_far(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"overlay_id": 1 << 24},
        {"overlay_id": -1},
        {"gateway_host_id": "host-0000000000000000f"},
        {"far": (FarWanted(host_id="not a host"),)},
        {"far": (FarWanted(host_id=test_overlay.OWN.id),)},
        {"far": (FarWanted(host_id=test_overlay.NEAR.id),) * 2, "gateway_host_id": ""},
    ],
)
def test_a_vpc_is_led_to_other_hosts_only(changes: dict[str, object]) -> None:
    refuse(with_vpc(**changes))


@pytest.mark.parametrize("number", [-1, 60001, 1 << 40])
def test_numbers_of_subnets_go_with_a_packet(number: int) -> None:
    refuse(with_number(number))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "203.0.113.5", "224.0.0.1", "x"])
def test_a_host_is_where_hosts_are(address: str) -> None:
    wanted = test_overlay.example()
    refuse(replace(wanted, own=PeerWanted(test_overlay.OWN.id, "n", address)))


@pytest.mark.parametrize(
    "landmarks",
    [("127.0.0.1",), ("224.0.0.1",), ("fe80::1%eth0",), ("-I",), ("192.0.2.1",) * 9],
)
def test_the_world_is_known_by_machines_in_it(landmarks: tuple[str, ...]) -> None:
    wanted = replace(test_overlay.example(), landmarks=("192.0.2.1",))
    assert trust.check_answer(SyncAnswer(wanted=wanted)).wanted == wanted
    refuse(replace(wanted, landmarks=landmarks))
