"""Security groups as on AWS: both families, tracked and untracked connections, by packets."""

import socket

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.networks import Direction, Rule
from tests.node import lab, shapes
from tests.node.lab import Guest, Lab

pytestmark = pytest.mark.host

CLIENT, SERVER = "sg-0000000000000000c", "sg-0000000000000000d"
PORT = 8000
NET = shapes.subnet(1)
ONE = shapes.interface(10, CLIENT, inside=NET)
TWO = shapes.interface(11, SERVER, inside=NET)


def rule(protocol: str, *ports: int, out: bool = False, **peer: object) -> Rule:
    """A rule; for the world of IPv4 unless it says whom it is about."""
    low, high = (ports[0], ports[-1]) if ports else (-1, -1)
    direction = Direction.EGRESS if out else Direction.INGRESS
    made = Rule(id="r", direction=direction, protocol=protocol, from_port=low, to_port=high)
    return replace(made, **(peer or {"cidr": "0.0.0.0/0"}))


def vpc(client: tuple[Rule, ...], server: tuple[Rule, ...]) -> VpcWanted:
    return shapes.vpc(0, (NET,), (ONE, TWO), {CLIENT: client, SERVER: server})


def apply(host: Lab, client: tuple[Rule, ...], server: tuple[Rule, ...]) -> None:
    assert host.apply(shapes.host(vpc(client, server))) == ()


OUT = shapes.ALL_OUT


@pytest.mark.parametrize("family", [4, 6])
class TestRules:
    def test_tcp_udp_and_icmp_by_range_and_by_group(self, host: Lab, family: int) -> None:
        near = {4: {"cidr": f"{ONE.private_ip}/32"}, 6: {"cidr6": f"{ONE.ipv6s[0]}/128"}}[family]
        far = {4: {"cidr": "10.0.2.0/24"}, 6: {"cidr6": "fd00:0:0:2::/64"}}[family]
        icmp = {4: "icmp", 6: "icmpv6"}[family]
        echo = {4: 8, 6: 128}[family]
        target, anywhere = _target(family)
        client = self._client(host)
        with (
            host.guest(TWO).listen(PORT, address=anywhere),
            host.guest(TWO).listen(PORT, socket.SOCK_DGRAM, anywhere) as heard,
        ):
            for peer, passes in ((near, True), (far, False), ({"group_id": CLIENT}, True)):
                apply(host, OUT, (rule("tcp", PORT, **peer),))
                assert (client.reaches if passes else client.misses)(target, PORT)
                assert not client.pings(target, lab.REFUSED_AFTER_S)
                apply(host, OUT, (rule("udp", PORT - 1, PORT + 1, **peer),))
                within_s = lab.ARRIVES_WITHIN_S if passes else lab.REFUSED_AFTER_S
                assert client.throws(heard, target, PORT, within_s) is passes
                assert client.misses(target, PORT)
                apply(host, OUT, (rule(icmp, echo, -1, **peer),))
                assert client.pings(target, within_s) is passes
                assert client.misses(target, PORT)

    def test_a_rule_of_the_other_family_means_nothing(self, host: Lab, family: int) -> None:
        world = {4: {"cidr6": "::/0"}, 6: {"cidr": "0.0.0.0/0"}}[family]
        target, anywhere = _target(family)
        client = self._client(host)
        apply(host, OUT, (rule("-1", **world),))
        with host.guest(TWO).listen(PORT, address=anywhere):
            assert client.misses(target, PORT)
            assert not client.pings(target, lab.REFUSED_AFTER_S)

    def test_what_the_sender_may_not_send_is_not_sent(self, host: Lab, family: int) -> None:
        world = {4: {"cidr": "0.0.0.0/0"}, 6: {"cidr6": "::/0"}}[family]
        target, anywhere = _target(family)
        client = self._client(host)
        apply(host, (rule("tcp", PORT, out=True, **world),), shapes.ALL_IN)
        with host.guest(TWO).listen(PORT, address=anywhere):
            assert client.reaches(target, PORT)
            assert not client.pings(target, lab.REFUSED_AFTER_S)
            apply(host, (rule("tcp", PORT, out=True, group_id=SERVER),), shapes.ALL_IN)
            assert client.reaches(target, PORT)
            apply(host, (rule("tcp", PORT, out=True, group_id=CLIENT),), shapes.ALL_IN)
            assert client.misses(target, PORT)

    def _client(self, host: Lab) -> Guest:
        apply(host, OUT, ())
        return host.guest(ONE)


def _target(family: int) -> tuple[str, str]:
    return {4: (TWO.private_ip, "0.0.0.0"), 6: (TWO.ipv6s[0], "::")}[family]


class Talk:
    """A connection that stands, with rules changing under it."""

    def __init__(self, host: Lab, client: tuple[Rule, ...], server: tuple[Rule, ...]) -> None:
        self.host = host
        apply(host, client, server)
        with host.guest(TWO).listen(PORT) as listening:
            self.near = host.guest(ONE).connect(TWO.private_ip, PORT)
            self.far, _ = listening.accept()
        assert self.goes_on()

    def goes_on(self) -> bool:
        """Whether what one side says is heard by the other, both ways."""
        return self.passes(self.near, self.far) and self.passes(self.far, self.near)

    def passes(
        self, one: socket.socket, other: socket.socket, within_s: float = lab.ARRIVES_WITHIN_S
    ) -> bool:
        other.settimeout(within_s)
        one.send(b"x")
        try:
            return bool(other.recv(100))
        except TimeoutError:
            return False

    def is_stopped(self, one: socket.socket, other: socket.socket) -> bool:
        """Whether what one side says does not come to the other."""
        return not self.passes(one, other, lab.REFUSED_AFTER_S)

    def close(self) -> None:
        self.near.close()
        self.far.close()


ASKED = rule("tcp", PORT, cidr=f"{ONE.private_ip}/32")
WORLD = rule("tcp", PORT)


def test_a_tracked_connection_goes_on_when_its_rule_is_gone(host: Lab) -> None:
    talk = Talk(host, OUT, (ASKED, *OUT))
    apply(host, OUT, OUT)
    assert talk.goes_on()
    assert host.guest(ONE).misses(TWO.private_ip, PORT)
    talk.close()


def test_an_untracked_connection_ends_with_its_rule(host: Lab) -> None:
    talk = Talk(host, OUT, (WORLD, *OUT))
    apply(host, OUT, OUT)
    assert talk.is_stopped(talk.near, talk.far)
    apply(host, OUT, (WORLD, *OUT))
    assert _recovers(talk)
    talk.close()


def _recovers(talk: Talk) -> bool:
    """TCP sends again what was lost."""
    talk.far.settimeout(lab.ARRIVES_WITHIN_S)
    return bool(talk.far.recv(100))


def test_an_untracked_connection_needs_the_rule_for_its_answers(host: Lab) -> None:
    talk = Talk(host, OUT, (WORLD, *OUT))
    apply(host, OUT, (WORLD,))
    assert talk.is_stopped(talk.far, talk.near)
    talk.close()


def test_a_rule_for_the_world_is_tracked_where_answers_are_not_free(host: Lab) -> None:
    talk = Talk(host, OUT, (WORLD, rule("tcp", PORT, out=True)))
    apply(host, OUT, ())
    assert talk.goes_on()
    talk.close()


def test_a_rule_that_still_allows_keeps_an_untracked_connection(host: Lab) -> None:
    talk = Talk(host, OUT, (WORLD, *OUT))
    apply(host, OUT, (rule("tcp", PORT - 10, PORT + 10), *OUT))
    assert talk.goes_on()
    apply(host, OUT, (rule("-1", cidr="10.0.0.0/8"), *OUT))
    assert talk.goes_on()
    talk.close()


def test_many_groups_and_overlapping_rules_are_one_set(host: Lab) -> None:
    """Wider and narrower ranges, overlapping ports: each is let in by whichever fits."""
    rules = (
        rule("tcp", 8000, 8100, cidr=f"{ONE.private_ip}/32"),
        rule("tcp", 8050, 8200, cidr="10.0.0.0/16"),
        rule("tcp", 8060, 8070, cidr="10.0.1.0/24"),
        rule("tcp", 8090, 8095),
        rule("tcp", 8300, 8300, cidr="10.0.2.0/24"),
    )
    apply(host, OUT, rules)
    for port, passes in (
        (8000, True),
        (8065, True),
        (8092, True),
        (8200, True),
        (8201, False),
        (8300, False),
    ):
        with host.guest(TWO).listen(port):
            client = host.guest(ONE)
            assert (client.reaches if passes else client.misses)(TWO.private_ip, port)


def test_a_members_prefix_counts_as_the_member(host: Lab) -> None:
    led = replace(ONE, prefixes=("10.0.1.32/28",))
    held = shapes.vpc(
        0, (NET,), (led, TWO), {CLIENT: OUT, SERVER: (rule("tcp", PORT, group_id=CLIENT),)}
    )
    with_range = replace(held.groups[0], member_ips=("10.0.1.10", "10.0.1.32/28"))
    host.apply(shapes.host(replace(held, groups=(with_range, held.groups[1]))))
    guest = host.guest(led)
    guest.run("ip", "address", "add", "10.0.1.40/32", "dev", "eth0")
    guest.run("ip", "route", "replace", "10.0.1.11/32", "dev", "eth0", "src", "10.0.1.40")
    with host.guest(TWO).listen(PORT):
        assert guest.reaches(TWO.private_ip, PORT)
        host.apply(shapes.host(held))
        assert guest.misses(TWO.private_ip, PORT)
