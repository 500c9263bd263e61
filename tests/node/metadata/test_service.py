"""The metadata service on the wire: real taps' places, forged senders, changing instances."""

import asyncio
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import msgspec
import pytest

from mallee.kit import process
from mallee.model.compute.instances import MetadataOptions
from mallee.model.hosts.hosts import HostWanted, InterfaceWanted
from mallee.model.layout import Layout
from mallee.node.do.network import namespaces, network
from mallee.node.metadata import doors, service
from tests.node import lab, shapes
from tests.node.lab import Guest, Lab, make_interface, make_vpc, make_wanted

pytestmark = pytest.mark.host

GROUP = "sg-00000000000000001"
ADDRESS = "169.254.169.254"


@pytest.fixture
def host(root_dir: Path, loop: asyncio.AbstractEventLoop) -> Iterator[Lab]:
    served = service.Service(loop, b"k" * 32)
    layout = Layout(root_dir)
    opened = Lab(layout, network.Network(layout, served))
    try:
        yield opened
    finally:
        opened.close()
        served.close()


def one_vpc(*interfaces: InterfaceWanted, **options: str | int) -> HostWanted:
    wanted = make_wanted(make_vpc(interfaces, {GROUP: ()}))
    changed = MetadataOptions(**options)
    return msgspec.structs.replace(
        wanted,
        instances=tuple(
            msgspec.structs.replace(one, metadata_options=changed) for one in wanted.instances
        ),
    )


def connect(
    guest: Guest, timeout_s: float = lab.ARRIVES_WITHIN_S, address: str = ADDRESS
) -> HTTPConnection:
    connection = HTTPConnection(address, 80, timeout=timeout_s)
    guest.do(connection.connect)
    return connection


def get(guest: Guest, path: str = "/latest/meta-data/instance-id", address: str = ADDRESS) -> str:
    """What the guest hears, with a token."""
    connection = connect(guest, address=address)
    ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = read(connection, "PUT", "/latest/api/token", ttl)[1]
    status, body = read(connection, "GET", path, {"X-aws-ec2-metadata-token": token})
    connection.close()
    assert status == 200
    return body


def read(
    connection: HTTPConnection, method: str, path: str, headers: dict[str, str]
) -> tuple[int, str]:
    connection.request(method, path, headers=headers)
    response: HTTPResponse = connection.getresponse()
    return response.status, response.read().decode()


def test_each_guest_hears_of_itself(host: Lab) -> None:
    one, two = make_interface(1, GROUP), make_interface(2, GROUP)
    far = make_interface(1, GROUP, vpc=1)
    host.apply(make_wanted(make_vpc((one, two), {GROUP: ()}), make_vpc((far,), {}, vpc=1)))
    for interface in (one, two, far):
        assert get(host.guest(interface)) == interface.instance_id


def test_a_forged_sender_hears_nothing_of_another(host: Lab) -> None:
    one, two = make_interface(1, GROUP), make_interface(2, GROUP)
    host.apply(one_vpc(one, two, http_tokens="optional"))
    guest = host.guest(one)
    guest.run("ip", "address", "add", f"{two.private_ip}/32", "dev", "eth0")

    def forge() -> None:
        with socket.socket() as forged:
            forged.settimeout(lab.REFUSED_AFTER_S)
            forged.bind((two.private_ip, 0))
            forged.connect((ADDRESS, 80))

    with pytest.raises(TimeoutError):
        guest.do(forge)
    assert get(guest) == one.instance_id


def test_a_change_is_heard_at_once_on_an_open_connection(host: Lab) -> None:
    one = make_interface(1, GROUP)
    host.apply(one_vpc(one, http_tokens="optional"))
    connection = connect(host.guest(one))
    assert read(connection, "GET", "/latest/", {})[0] == 200
    host.apply(one_vpc(one, http_tokens="required"))
    assert read(connection, "GET", "/latest/", {})[0] == 401
    host.apply(one_vpc(one, http_endpoint="disabled"))
    assert read(connection, "GET", "/latest/", {})[0] == 403
    connection.close()


def test_the_hop_limit_is_that_of_the_tokens_packets(host: Lab) -> None:
    one = make_interface(1, GROUP)
    host.apply(one_vpc(one, http_put_response_hop_limit=7))
    guest = host.guest(one)
    connection = connect(guest)
    with guest.do(
        lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
    ) as tap:
        tap.settimeout(lab.ARRIVES_WITHIN_S)
        ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
        token = read(connection, "PUT", "/latest/api/token", ttl)[1]
        assert hops_of(tap, b"HTTP/1.1 200") == 7
        read(connection, "GET", "/latest/", {"X-aws-ec2-metadata-token": token})
        assert hops_of(tap, b"HTTP/1.1 200") == 64
    connection.close()


def hops_of(tap: socket.socket, start: bytes) -> int:
    """The TTL of the next packet whose payload begins so."""
    while True:
        packet = tap.recv(2000)
        if start in packet:
            return packet[8]


def test_garbage_is_answered_with_400_and_the_end(host: Lab) -> None:
    one = make_interface(1, GROUP)
    host.apply(one_vpc(one))
    for garbage in (b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a" * 20000 + b"\r\n\r\n"):
        with host.guest(one).connect(ADDRESS, 80) as connection:
            connection.sendall(garbage)
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_guest_holds_no_more_than_its_connections(host: Lab) -> None:
    one, two = make_interface(1, GROUP), make_interface(2, GROUP)
    host.apply(one_vpc(one, two, http_tokens="optional"))
    held = [connect(host.guest(one)) for _ in range(doors.CONNECTIONS_MAX)]
    for connection in held:
        assert read(connection, "GET", "/", {})[0] == 200
    extra = connect(host.guest(one))
    with pytest.raises(ConnectionError):
        read(extra, "GET", "/", {})
    assert get(host.guest(two)) == two.instance_id
    for connection in held:
        connection.close()


def test_a_tap_made_anew_is_served_anew(host: Lab) -> None:
    one = make_interface(1, GROUP)
    wanted = one_vpc(one)
    host.apply(wanted)
    old = host.guests.pop(one.id)
    host.network.unplug(one.id)
    assert host.network.apply(wanted) == ()
    namespaces.remove(old.namespace)
    host.apply(wanted)
    assert get(host.guest(one)) == one.instance_id


def test_nothing_listens_for_guests_that_are_gone(host: Lab) -> None:
    one, two = make_interface(1, GROUP), make_interface(2, GROUP)
    host.apply(one_vpc(one, two))
    host.network.unplug(two.id)
    host.apply(one_vpc(one))
    vpc = host.layout.vpc_namespace(one.vpc_id)
    argv = ("ss", "-Hltn", "sport", "=", "80")
    listening = namespaces.run_inside(vpc, lambda: process.run(argv)).text.splitlines()
    assert len(listening) == 1


def test_metadata_is_told_over_ipv6_where_the_instance_asks_for_it(host: Lab) -> None:
    inside = shapes.subnet(1)
    asks, silent = (shapes.interface(n, shapes.OPEN, inside=inside) for n in (10, 11))
    wanted = shapes.host(shapes.vpc(0, (inside,), (asks, silent)))
    options = {asks.instance_id: MetadataOptions(http_protocol_ipv6="enabled")}
    instances = tuple(
        msgspec.structs.replace(one, metadata_options=options.get(one.id, MetadataOptions()))
        for one in wanted.instances
    )
    assert host.apply(msgspec.structs.replace(wanted, instances=instances)) == ()
    assert get(host.guest(asks), address="fd00:ec2::254") == asks.instance_id
    assert get(host.guest(asks)) == asks.instance_id
    assert host.guest(silent).misses("fd00:ec2::254", 80)
    assert get(host.guest(silent)) == silent.instance_id
