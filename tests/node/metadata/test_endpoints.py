"""Interface endpoints on the wire: who reaches them, by which names, and what the cloud is told."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import pytest
from botocore.config import Config
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.compute.guestrequests import GuestRequest, GuestResponse, Whence
from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import AclWanted, Way
from mallee.model.network.networks import Direction, Rule
from mallee.node import cloud
from mallee.node.do.network import namespaces, network
from mallee.node.metadata import doors, gateway, service
from tests.node import lab, shapes
from tests.node.lab import Guest, Lab
from tests.node.shapes import OPEN, OUT, entry

pytestmark = pytest.mark.host

WEB = "sg-00000000000000009"
ACL = "acl-00000000000000001"
ID = "vpce-00000000000000007"
NAME = "ec2.us-east-1.amazonaws.com"
WHO = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Account>000000000001</Account></GetCallerIdentityResult>
</GetCallerIdentityResponse>"""


class FakeDoor:
    """A cloud that says who everybody is, and notes whence it was asked."""

    def __init__(self) -> None:
        self.seen: list[Whence] = []

    async def open_stream(self, whence: Whence) -> aiohttp.ClientWebSocketResponse:
        self.seen.append(whence)
        raise cloud.CloudAway(f"no S3 for {whence.name}")

    async def bring(self, request: GuestRequest) -> GuestResponse:
        self.seen.append(request.whence)
        return GuestResponse(status=200, content_type="text/xml", headers={}, body=WHO)


@pytest.fixture
def door() -> FakeDoor:
    return FakeDoor()


@pytest.fixture
def host(root_dir: Path, loop: asyncio.AbstractEventLoop, door: FakeDoor) -> Iterator[Lab]:
    served = service.Service(loop, b"k" * 32, service.Offers(api=gateway.Gateway(door)))
    layout = Layout(root_dir)
    opened = Lab(layout, network.Network(layout, served))
    try:
        yield opened
    finally:
        opened.close()
        served.close()


class Net:
    """Two guests in a subnet that leads nowhere, and an endpoint in another one."""

    def __init__(self, *groups: str, acl: AclWanted | None = None) -> None:
        self.front = shapes.subnet(1, table="rtb-00000000000000001", acl=acl.id if acl else "")
        self.back = shapes.subnet(2, table="rtb-00000000000000001")
        self.one, self.two = (shapes.interface(n, OUT, inside=self.back) for n in (10, 11))
        made = shapes.endpoint(7, self.front, *groups)
        self.endpoint = replace(made, names=(NAME,), named_ips=(made.private_ip, *made.ipv6s))
        self.acl = acl

    def vpc(self, *rules: Rule, **changes: Any) -> VpcWanted:
        made = shapes.vpc(
            0,
            (self.front, self.back),
            (self.one, self.two),
            {**shapes.RULES, WEB: rules},
            route_tables=(shapes.table("rtb-00000000000000001"),),
            has_internet_gateway=False,
            endpoints=(self.endpoint,),
            acls=(self.acl,) if self.acl else (),
        )
        return replace(made, **changes)


def ask(guest: Guest, url: str) -> Any:
    """What a client in the guest hears that was given nothing but where to ask."""

    def work() -> Any:
        client = boto3.client(
            "sts",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="AKIA1",
            aws_secret_access_key="x",
            config=Config(retries={"max_attempts": 0}),
        )
        return client.get_caller_identity()["Account"]

    return guest.do(work)


def allow(protocol: str, port: int, **whom: str) -> Rule:
    return Rule(
        id="in",
        direction=Direction.INGRESS,
        protocol=protocol,
        from_port=port,
        to_port=port,
        **whom,
    )


@pytest.mark.parametrize("port", ["", ":8773"])
def test_a_guest_without_any_way_out_reaches_the_api(host: Lab, door: FakeDoor, port: str) -> None:
    net = Net(OPEN)
    assert host.apply(shapes.host(net.vpc())) == ()
    assert ask(host.guest(net.one), f"http://{net.endpoint.private_ip}{port}") == "000000000001"
    assert ask(host.guest(net.two), f"http://[{net.endpoint.ipv6s[0]}]{port}") == "000000000001"
    assert door.seen == [
        Whence(endpoint_id=ID, source_ip=net.one.private_ip),
        Whence(endpoint_id=ID, source_ip=net.two.ipv6s[0]),
    ]
    assert host.guest(net.one).misses(net.endpoint.private_ip, 22)
    assert not host.guest(net.one).pings(net.endpoint.private_ip, lab.REFUSED_AFTER_S)


def test_its_groups_say_who_may_speak_to_it(host: Lab) -> None:
    net = Net(WEB)
    host.apply(shapes.host(net.vpc(allow("tcp", 80, cidr=f"{net.one.private_ip}/32"))))
    one, two, ip = host.guest(net.one), host.guest(net.two), net.endpoint.private_ip
    assert one.reaches(ip, 80)
    assert two.misses(ip, 80)
    assert one.misses(ip, 8773)
    host.apply(shapes.host(net.vpc(allow("tcp", 8773, cidr6=f"{net.two.ipv6s[0]}/128"))))
    assert two.reaches(net.endpoint.ipv6s[0], 8773)
    assert one.misses(net.endpoint.ipv6s[0], 8773)
    assert one.misses(ip, 80)


def test_it_is_in_its_subnet_behind_the_acl(host: Lab) -> None:
    passing = (entry(100, "in allow"), entry(100, "out allow"))
    deny = entry(50, "in deny", cidr="10.0.2.10/32")
    net = Net(OPEN, acl=AclWanted(ACL, (deny, *passing)))
    host.apply(shapes.host(net.vpc()))
    assert host.guest(net.two).reaches(net.endpoint.private_ip, 80)
    assert host.guest(net.one).misses(net.endpoint.private_ip, 80)


def test_its_names_mean_it_while_they_shall(host: Lab) -> None:
    net = Net(OPEN)
    host.apply(shapes.host(net.vpc()))
    guest = host.guest(net.one)
    for name in (NAME, f"below.{NAME}"):
        assert addresses(guest, name, "a") == [net.endpoint.private_ip]
        assert addresses(guest, name, "aaaa") == [net.endpoint.ipv6s[0]]
    silent = replace(net.endpoint, names=())
    host.apply(shapes.host(net.vpc(endpoints=(silent,))))
    with pytest.raises(process.Failed):
        addresses(guest, NAME, "a")


def addresses(guest: Guest, name: str, kind: str) -> list[str]:
    said = guest.run("busybox", "nslookup", f"-type={kind}", name, "10.0.0.2")
    return [line.split()[1] for line in said.split("Name:")[1].splitlines() if "Address" in line]


def test_a_peer_reaches_it_by_routes_both_ways(host: Lab, door: FakeDoor) -> None:
    net = Net(OPEN)
    tables = [
        shapes.table("rtb-00000000000000001", (cidr, Way.PEERING, "pcx-00000000000000001"))
        for cidr in ("10.1.0.0/16", "10.0.0.0/16")
    ]
    far = shapes.subnet(1, 1, table="rtb-00000000000000001")
    stranger = shapes.interface(10, OUT, inside=far)
    near_vpc = net.vpc(route_tables=(tables[0],), peerings=(shapes.peering(0, 1, seen_from=0),))
    far_vpc = shapes.vpc(
        1, (far,), (stranger,), route_tables=(tables[1],),
        peerings=(shapes.peering(0, 1, seen_from=1),),
    )  # fmt: skip
    host.apply(shapes.host(near_vpc, far_vpc))
    assert ask(host.guest(stranger), f"http://{net.endpoint.private_ip}") == "000000000001"
    assert door.seen == [Whence(endpoint_id=ID, source_ip="10.1.1.10")]


def test_a_forged_sender_says_nothing(host: Lab, door: FakeDoor) -> None:
    net = Net(OPEN)
    host.apply(shapes.host(net.vpc()))
    guest = host.guest(net.one)
    guest.run("ip", "address", "add", f"{net.two.private_ip}/32", "dev", "eth0")

    def connect() -> None:
        socket.create_connection(
            (net.endpoint.private_ip, 80),
            lab.REFUSED_AFTER_S,
            source_address=(net.two.private_ip, 0),
        ).close()

    with pytest.raises(TimeoutError):
        guest.do(connect)
    assert door.seen == []


def test_a_gateway_endpoint_is_told_apart_from_the_straight_way(host: Lab, door: FakeDoor) -> None:
    net = Net(OPEN)
    led = shapes.table("rtb-00000000000000001", ("198.18.0.0/24", Way.ENDPOINT, "vpce-0000000a"))
    host.apply(shapes.host(net.vpc(route_tables=(led,))))
    guest = host.guest(net.one)
    assert ask(guest, "http://198.18.0.10") == "000000000001"
    assert ask(guest, "http://169.254.169.254:8773") == "000000000001"
    assert door.seen == [
        Whence(instance_id=net.one.instance_id, endpoint_id="vpce-0000000a"),
        Whence(instance_id=net.one.instance_id),
    ]


def test_an_agent_that_comes_back_finds_it_and_nothing_is_left(host: Lab) -> None:
    net = Net(OPEN)
    wanted = shapes.host(net.vpc())
    host.apply(wanted)
    heir = network.Network(host.layout)
    assert heir.apply(wanted) == ()
    assert heir.apply(wanted) == ()
    assert host.guest(net.one).reaches(net.endpoint.private_ip, 80)
    assert heir.apply(shapes.host(net.vpc(endpoints=()))) == ()
    assert host.guest(net.one).misses(net.endpoint.private_ip, 80)
    assert not namespaces.names(host.layout.endpoint_namespace(""))


def test_one_guest_cannot_take_all_of_it(host: Lab) -> None:
    net = Net(OPEN)
    host.apply(shapes.host(net.vpc()))
    one, two, ip = host.guest(net.one), host.guest(net.two), net.endpoint.private_ip
    held = [one.connect(ip, 80) for _ in range(40)]
    try:
        assert ask(two, f"http://{ip}") == "000000000001"
    finally:
        for connection in held:
            connection.close()


def test_one_endpoint_cannot_take_what_all_guests_have(
    host: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "SHARED_MAX", 8)
    net = Net(OPEN)
    host.apply(shapes.host(net.vpc()))
    one, ip = host.guest(net.one), net.endpoint.private_ip
    held = [one.connect(ip, 80) for _ in range(20)]
    try:
        for connection in held[8:]:
            connection.settimeout(lab.ARRIVES_WITHIN_S)
            with contextlib.suppress(ConnectionError):
                assert connection.recv(1) == b""
        assert ask(one, "http://169.254.169.254:8773") == "000000000001"
    finally:
        for connection in held:
            connection.close()
