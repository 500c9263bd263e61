"""The whole network of a host against the real kernel: what passes, what does not, what heals."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from mallee.kit import process
from mallee.node.do.network import links as links_do
from mallee.node.do.network import namespaces, network, uplink
from tests.node import lab
from tests.node.lab import ALLOW_OUT, Lab, allow, make_interface, make_vpc, make_wanted

pytestmark = pytest.mark.host

WEB, DB, PLAIN = "sg-00000000000000001", "sg-00000000000000002", "sg-00000000000000003"


@pytest.fixture
def lease_script(tmp_path: Path) -> Path:
    """What udhcpc calls with a lease: it prints all that it was told."""
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nenv\n")
    script.chmod(0o755)
    return script


def lease(guest: lab.Guest, script: Path, *asked: str) -> list[str]:
    """Let the guest ask for its lease; return what it was told, one `name=value` each."""
    guest.run("ip", "address", "flush", "dev", "eth0")
    return guest.run(
        "busybox", "udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "30", "-T", "1", *asked,
        "-O", "hostname", "-s", str(script),
    ).splitlines()  # fmt: skip


def gateway_mac(guest: lab.Guest) -> str:
    """The MAC of the guest's gateway, learnt as a guest learns it."""
    ends_at = time.monotonic() + lab.ARRIVES_WITHIN_S
    while True:
        guest.pings("172.31.0.1", lab.REFUSED_AFTER_S)
        _, _, known = guest.run("ip", "neigh", "show", "172.31.0.1").partition(" lladdr ")
        if known:
            return known.split()[0]
        assert time.monotonic() < ends_at


class TestFiltering:
    def test_tcp_passes_only_where_a_rule_allows(self, host: Lab) -> None:
        one, two = make_interface(1, PLAIN), make_interface(2, WEB)
        rules = {PLAIN: (ALLOW_OUT,), WEB: (ALLOW_OUT, allow("tcp", 80, 81, cidr="172.31.0.0/20"))}
        host.apply(make_wanted(make_vpc((one, two), rules)))
        client, server = host.guest(one), host.guest(two)
        with server.listen(80), server.listen(81), server.listen(82):
            assert client.reaches(two.private_ip, 80)
            assert client.reaches(two.private_ip, 81)
            assert client.misses(two.private_ip, 82)

    def test_icmp_passes_only_where_a_rule_allows(self, host: Lab) -> None:
        one, two = make_interface(1, PLAIN), make_interface(2, WEB)
        rules = {PLAIN: (ALLOW_OUT,), WEB: (ALLOW_OUT, allow("icmp", 8, -1))}
        host.apply(make_wanted(make_vpc((one, two), rules)))
        assert host.guest(one).pings(two.private_ip)
        assert not host.guest(two).pings(one.private_ip, lab.REFUSED_AFTER_S)

    def test_members_of_one_group_are_filtered_too(self, host: Lab) -> None:
        one, two = make_interface(1, WEB), make_interface(2, WEB)
        closed = make_wanted(make_vpc((one, two), {WEB: (ALLOW_OUT,)}))
        opened = make_wanted(make_vpc((one, two), {WEB: (ALLOW_OUT, allow("-1", group=WEB))}))
        host.apply(closed)
        with host.guest(two).listen(80):
            assert host.guest(one).misses(two.private_ip, 80)
            host.apply(opened)
            assert host.guest(one).reaches(two.private_ip, 80)
            host.apply(closed)
            assert host.guest(one).misses(two.private_ip, 80)

    def test_a_group_as_source_means_its_members_alone(self, host: Lab) -> None:
        web, other, db = make_interface(1, WEB), make_interface(2, PLAIN), make_interface(3, DB)
        rules = {
            WEB: (ALLOW_OUT,),
            PLAIN: (ALLOW_OUT,),
            DB: (allow("tcp", 5432, group=WEB),),
        }
        host.apply(make_wanted(make_vpc((web, other, db), rules)))
        with host.guest(db).listen(5432):
            assert host.guest(web).reaches(db.private_ip, 5432)
            assert host.guest(other).misses(db.private_ip, 5432)

    def test_egress_is_by_rules(self, host: Lab) -> None:
        one, two = make_interface(1, PLAIN), make_interface(2, WEB)
        rules = {PLAIN: (), WEB: (allow("-1"),)}
        host.apply(make_wanted(make_vpc((one, two), rules)))
        with host.guest(two).listen(80):
            assert host.guest(one).misses(two.private_ip, 80)

    def test_udp_passes_only_where_a_rule_allows(self, host: Lab) -> None:
        one, two = make_interface(1, PLAIN), make_interface(2, WEB)
        rules = {PLAIN: (ALLOW_OUT,), WEB: (allow("udp", 54),)}
        host.apply(make_wanted(make_vpc((one, two), rules)))
        client, server = host.guest(one), host.guest(two)
        with (
            server.listen(53, socket.SOCK_DGRAM) as denied,
            server.listen(54, socket.SOCK_DGRAM) as allowed,
            client.listen(4000, socket.SOCK_DGRAM) as sender,
        ):
            sender.sendto(b"denied", (two.private_ip, 53))
            sender.sendto(b"allowed", (two.private_ip, 54))
            assert allowed.recv(100) == b"allowed"
            denied.setblocking(False)
            with pytest.raises(BlockingIOError):
                denied.recv(100)

    def test_an_established_connection_survives_an_unrelated_change(self, host: Lab) -> None:
        one, two = make_interface(1, PLAIN), make_interface(2, WEB)
        before = {PLAIN: (ALLOW_OUT,), WEB: (allow("tcp", 80),)}
        after = {PLAIN: (ALLOW_OUT,), WEB: (allow("tcp", 80), allow("tcp", 22))}
        host.apply(make_wanted(make_vpc((one, two), before)))
        with host.guest(two).listen(80) as server:
            client = host.guest(one).connect(two.private_ip, 80)
            accepted, _ = server.accept()
            host.apply(make_wanted(make_vpc((one, two), after)))
            client.sendall(b"still here")
            accepted.settimeout(lab.ARRIVES_WITHIN_S)
            assert accepted.recv(100) == b"still here"
            client.close()
            accepted.close()

    def test_vpcs_with_the_same_addresses_do_not_meet(self, host: Lab) -> None:
        ours, theirs = make_interface(1, WEB), make_interface(2, WEB, vpc=1)
        rules = {WEB: (ALLOW_OUT, allow("-1"))}
        host.apply(make_wanted(make_vpc((ours,), rules), make_vpc((theirs,), rules, vpc=1)))
        with host.guest(theirs).listen(80):
            assert host.guest(ours).misses(theirs.private_ip, 80)

    def test_nobody_answers_for_an_address_that_nobody_has(self, host: Lab) -> None:
        one = make_interface(1, WEB)
        host.apply(make_wanted(make_vpc((one,), {WEB: (ALLOW_OUT,)})))
        guest = host.guest(one)
        assert not guest.pings("172.31.0.77", lab.REFUSED_AFTER_S)
        assert "lladdr" not in guest.run("ip", "neigh", "show", "172.31.0.77")


class TestForging:
    def test_a_forged_sender_is_dropped(self, host: Lab) -> None:
        one, two = make_interface(1, PLAIN), make_interface(2, WEB)
        host.apply(make_wanted(make_vpc((one, two), {PLAIN: (ALLOW_OUT,), WEB: (allow("-1"),)})))
        client, server = host.guest(one), host.guest(two)
        mac = gateway_mac(client)
        with server.listen(53, socket.SOCK_DGRAM) as received:
            for forged in ({"ip": "172.31.0.99"}, {"mac": "02:00:00:00:00:99"}):
                client.send_frame(lab.udp_frame(one, two.private_ip, 53, gateway_mac=mac, **forged))
            honest = lab.udp_frame(one, two.private_ip, 53, gateway_mac=mac, payload="honest")
            client.send_frame(honest)
            assert received.recv(100) == b"honest"

    def test_a_forged_arp_answer_teaches_the_vpc_nothing(self, host: Lab) -> None:
        one, two = make_interface(1, WEB), make_interface(2, WEB)
        host.apply(make_wanted(make_vpc((one, two), {WEB: (ALLOW_OUT, allow("-1"))})))
        guest = host.guest(one)
        mac = gateway_mac(guest)
        vpc_namespace = host.layout.vpc_namespace(one.vpc_id)
        own = bytes.fromhex(one.mac.replace(":", ""))
        stolen = socket.inet_aton(two.private_ip)
        gateway = socket.inet_aton("172.31.0.1")
        to = bytes.fromhex(mac.replace(":", ""))
        arp = b"\x00\x01\x08\x00\x06\x04\x00\x01" + own + stolen + bytes(6) + gateway
        guest.send_frame(to + own + b"\x08\x06" + arp)
        assert not guest.pings("172.31.0.1", lab.REFUSED_AFTER_S)
        tap = host.layout.tap(one.id)
        argv = ("ip", "neigh", "show", "dev", tap)
        known = namespaces.run_inside(vpc_namespace, lambda: process.run(argv)).text
        assert two.private_ip not in known
        assert one.private_ip in known


class TestServices:
    def test_a_guest_obtains_its_lease(self, host: Lab, lease_script: Path) -> None:
        one = make_interface(1, PLAIN)
        host.apply(make_wanted(make_vpc((one,), {PLAIN: ()})))
        said = lease(host.guest(one), lease_script)
        assert f"ip={one.private_ip}" in said
        assert "mask=20" in said
        assert "router=172.31.0.1" in said
        assert "dns=172.31.0.2" in said
        assert "domain=ec2.internal" in said
        assert f"hostname={one.hostname}" in said
        assert "lease=3600" in said

    def test_an_address_passes_from_one_guest_to_the_next(
        self, host: Lab, lease_script: Path
    ) -> None:
        one, two = make_interface(1, PLAIN), make_interface(2, PLAIN)
        heir = msgspec.structs.replace(two, private_ip=one.private_ip, hostname=one.hostname)
        host.apply(make_wanted(make_vpc((one,), {PLAIN: ()})))
        assert f"ip={one.private_ip}" in lease(host.guest(one), lease_script)
        host.network.unplug(one.id)
        host.apply(make_wanted(make_vpc((heir,), {PLAIN: ()})))
        assert f"ip={one.private_ip}" in lease(host.guest(heir), lease_script)

    def test_names_of_guests_come_and_go_with_them(self, host: Lab) -> None:
        one, two = make_interface(1, PLAIN), make_interface(2, PLAIN)
        host.apply(make_wanted(make_vpc((one, two), {PLAIN: ()})))
        guest = host.guest(one)
        for name_server in ("172.31.0.2", "169.254.169.253"):
            said = guest.run("busybox", "nslookup", f"{two.hostname}.ec2.internal", name_server)
            assert two.private_ip in said.split("Name:")[1]
        host.network.unplug(two.id)
        host.apply(make_wanted(make_vpc((one,), {PLAIN: ()})))
        with pytest.raises(process.Failed):
            guest.run("busybox", "nslookup", f"{two.hostname}.ec2.internal", "172.31.0.2")

    def test_a_dead_dnsmasq_is_started_again(self, host: Lab) -> None:
        one = make_interface(1, PLAIN)
        wanted = make_wanted(make_vpc((one,), {PLAIN: ()}))
        host.apply(wanted)
        pid = int((host.layout.run / f"dnsmasq-{one.vpc_id}.pid").read_text())
        dying = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        assert select.select([dying], [], [], lab.ARRIVES_WITHIN_S)[0]
        os.close(dying)
        assert any("runs again" in problem for problem in host.apply(wanted))
        said = host.guest(one).run(
            "busybox", "nslookup", f"{one.hostname}.ec2.internal", "172.31.0.2"
        )
        assert one.private_ip in said


class TestPublicAddresses:
    def test_the_host_reaches_a_guest_by_its_public_address(self, host: Lab) -> None:
        one = make_interface(1, WEB, public=True)
        host.apply(make_wanted(make_vpc((one,), {WEB: (allow("tcp", 22),)})))
        with host.guest(one).listen(22), host.guest(one).listen(23):
            assert lab.reaches(namespaces.HOST, "203.0.113.11", 22)
            assert lab.misses(namespaces.HOST, "203.0.113.11", 23)

    def test_guests_meet_over_public_addresses_and_are_seen_by_them(self, host: Lab) -> None:
        """Within one VPC and between two; the peer sees the public address, as on AWS."""
        one, two = make_interface(1, PLAIN, public=True), make_interface(2, WEB, public=True)
        far = make_interface(3, WEB, public=True, vpc=1)
        rules = {PLAIN: (ALLOW_OUT,), WEB: (allow("tcp", 80, cidr="203.0.113.11/32"),)}
        host.apply(make_wanted(make_vpc((one, two), rules), make_vpc((far,), rules, vpc=1)))
        for peer in (two, far):
            assert peer.public_ip is not None
            with host.guest(peer).listen(80) as server:
                client = host.guest(one).connect(peer.public_ip, 80)
                accepted, address = server.accept()
                assert address[0] == "203.0.113.11"
                client.close()
                accepted.close()

    def test_a_connection_ends_with_the_address_it_came_by(self, host: Lab) -> None:
        one = make_interface(1, WEB, public=True)
        bare = make_interface(1, WEB)
        rules = {WEB: (allow("tcp", 22),)}
        host.apply(make_wanted(make_vpc((one,), rules)))
        with host.guest(one).listen(22) as server:
            client = socket.create_connection(("203.0.113.11", 22), lab.ARRIVES_WITHIN_S)
            accepted, _ = server.accept()
            host.apply(make_wanted(make_vpc((bare,), rules)))
            accepted.sendall(b"too late")
            client.settimeout(lab.REFUSED_AFTER_S)
            with pytest.raises(TimeoutError):
                client.recv(100)
            client.close()
            accepted.close()

    def test_a_guest_reaches_no_service_of_the_host(self, host: Lab) -> None:
        one = make_interface(1, PLAIN, public=True)
        host.add_world()
        host.apply(make_wanted(make_vpc((one,), {PLAIN: (ALLOW_OUT,)}), egress=True))
        seen = links_do.fetch()
        with lab.listen(8773, socket.SOCK_STREAM):
            assert lab.reaches(namespaces.HOST, "127.0.0.1", 8773)
            for device, cidr in sorted(seen.addresses):
                if device != "lo":
                    assert host.guest(one).misses(cidr.partition("/")[0], 8773)


class TestEgress:
    def test_a_public_address_is_the_way_to_the_world(self, host: Lab) -> None:
        with_address, without = make_interface(1, PLAIN, public=True), make_interface(2, PLAIN)
        world = host.add_world()
        host.apply(
            make_wanted(make_vpc((with_address, without), {PLAIN: (ALLOW_OUT,)}), egress=True)
        )
        with world.listen(80) as server:
            client = host.guest(with_address).connect(lab.WORLD_ADDRESS, 80)
            accepted, address = server.accept()
            assert address[0] == "198.51.100.2"
            client.close()
            accepted.close()
            assert host.guest(without).misses(lab.WORLD_ADDRESS, 80)

    def test_without_egress_there_is_no_way(self, host: Lab) -> None:
        one = make_interface(1, PLAIN, public=True)
        world = host.add_world()
        host.apply(make_wanted(make_vpc((one,), {PLAIN: (ALLOW_OUT,)})))
        with world.listen(80):
            assert host.guest(one).misses(lab.WORLD_ADDRESS, 80)

    def test_private_networks_beyond_the_host_are_out_of_reach(self, host: Lab) -> None:
        one = make_interface(1, PLAIN, public=True)
        world = host.add_world()
        world.run("ip", "address", "add", "10.1.2.3/32", "dev", "lo")
        host.apply(make_wanted(make_vpc((one,), {PLAIN: (ALLOW_OUT,)}), egress=True))
        with world.listen(80):
            assert lab.reaches(namespaces.HOST, "10.1.2.3", 80)
            assert host.guest(one).misses("10.1.2.3", 80)

    def test_names_of_the_world_are_asked_through_the_host(
        self, host: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The host's name server may be in a private network; only DNS passes to it."""
        configuration = tmp_path / "resolv.conf"
        configuration.write_text("nameserver 127.0.0.53\nnameserver 10.1.2.3\n")
        monkeypatch.setattr(uplink, "_RESOLVER_FILES", (configuration,))
        one = make_interface(1, PLAIN)
        world = host.add_world()
        world.run("ip", "address", "add", "10.1.2.3/32", "dev", "lo")
        host.apply(make_wanted(make_vpc((one,), {PLAIN: ()}), egress=True))
        guest = host.guest(one)
        question = b"\x00\x01\x01\x00\x00\x01" + bytes(6) + b"\x05world\x04test\x00\x00\x01\x00\x01"
        with (
            world.listen(53, socket.SOCK_DGRAM, "10.1.2.3") as name_server,
            guest.listen(4000, socket.SOCK_DGRAM) as asking,
        ):
            asking.sendto(question, ("172.31.0.2", 53))
            asked, address = name_server.recvfrom(1000)
            assert b"\x05world\x04test\x00" in asked.lower()
            assert address[0] == "198.51.100.2"
            answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x33\x64\x07"
            end = asked.index(b"\x00\x00\x01\x00\x01") + 5
            head = asked[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
            name_server.sendto(head + asked[12:end] + answer, address)
            assert socket.inet_aton("198.51.100.7") in asking.recv(1000)

    def test_a_host_that_drops_what_it_forwards_is_told_of(self, host: Lab) -> None:
        one = make_interface(1, PLAIN, public=True)
        host.add_world()
        wanted = make_wanted(make_vpc((one,), {PLAIN: (ALLOW_OUT,)}), egress=True)
        assert host.apply(wanted) == ()
        hook = "type filter hook forward priority 0; policy drop;"
        process.run(("nft", "-f", "-"), f"table ip other {{\nchain f {{\n{hook}\n}}\n}}".encode())
        for _ in range(2):
            assert any("ip other f" in problem for problem in host.apply(wanted))
        process.run(("nft", "delete", "table", "ip", "other"))
        assert host.apply(wanted) == ()

    def test_forwarding_is_given_back(self, host: Lab) -> None:
        one = make_interface(1, PLAIN, public=True)
        host.add_world()
        switch = "net/ipv4/conf/uplink/forwarding"
        assert links_do.read_switch(switch) == "0"
        host.apply(make_wanted(make_vpc((one,), {PLAIN: (ALLOW_OUT,)}), egress=True))
        assert links_do.read_switch(switch) == "1"
        assert links_do.read_switch("net/ipv4/ip_forward") == "0"
        host.network.destroy()
        assert links_do.read_switch(switch) == "0"


class TestHealing:
    def wanted(self) -> "tuple[lab.InterfaceWanted, lab.HostWanted]":
        one = make_interface(1, WEB, public=True)
        return one, make_wanted(make_vpc((one,), {WEB: (allow("tcp", 22),)}))

    def test_twice_is_once(self, host: Lab) -> None:
        _, wanted = self.wanted()
        host.apply(wanted)
        rules = process.run(("nft", "-a", "list", "ruleset")).text
        assert host.apply(wanted) == ()
        assert process.run(("nft", "-a", "list", "ruleset")).text == rules
        assert network.Network(host.layout).apply(wanted) == ()

    @pytest.mark.parametrize(
        "damage",
        [
            "ip -n {vpc} link delete edge",
            "ip -n {vpc} link set {tap} down",
            "ip -n {vpc} address flush dev {tap}",
            "ip -n {vpc} route flush table main",
            "ip -n {vpc} address flush dev lo",
            "ip -n {edge} route flush table main",
            "ip link delete {link}",
            "ip route flush table main",
            "nft flush ruleset",
            "nsenter --net=/run/netns/{vpc} nft flush ruleset",
            "nsenter --net=/run/netns/{edge} nft flush ruleset",
            "nsenter --net=/run/netns/{vpc} nft flush chain inet mallee sg-00000000000000001-in",
            "ip netns delete {edge}",
            "ip netns delete {vpc}",
        ],
    )
    def test_what_was_removed_by_hand_comes_back_and_is_told(self, host: Lab, damage: str) -> None:
        one, wanted = self.wanted()
        host.apply(wanted)
        host.network.apply(wanted)
        names = {
            "vpc": host.layout.vpc_namespace(one.vpc_id),
            "edge": host.layout.edge_namespace,
            "tap": host.layout.tap(one.id),
            "link": host.layout.host_link,
        }
        with host.guest(one).listen(22):
            assert lab.reaches(namespaces.HOST, "203.0.113.11", 22)
            process.run(damage.format(**names).split())
            assert host.network.apply(wanted) != ()
            assert lab.reaches(namespaces.HOST, "203.0.113.11", 22)
            assert host.network.apply(wanted) == ()

    def test_a_tap_removed_under_its_guest_is_told(self, host: Lab) -> None:
        one, wanted = self.wanted()
        host.apply(wanted)
        vpc = host.layout.vpc_namespace(one.vpc_id)
        process.run(("ip", "-n", vpc, "link", "delete", host.layout.tap(one.id)))
        assert any(one.id in problem for problem in host.network.apply(wanted))

    def test_no_packet_for_an_instance_leaves_by_the_uplink(self, host: Lab) -> None:
        _, wanted = self.wanted()
        host.add_world()
        host.apply(wanted)
        process.run(("ip", "link", "delete", host.layout.host_link))
        for address in ("203.0.113.11", "172.31.0.11"):
            with pytest.raises(OSError, match="No route to host"):
                socket.create_connection((address, 22), lab.REFUSED_AFTER_S)

    def test_a_vpc_wanted_no_more_goes_with_its_last_tap(self, host: Lab) -> None:
        one, wanted = self.wanted()
        host.apply(wanted)
        vpc = host.layout.vpc_namespace(one.vpc_id)
        # A guest that ends keeps its tap for a moment: it is told of when it stays.
        assert host.network.apply(make_wanted()) == ()
        assert any(vpc in problem for problem in host.network.apply(make_wanted()))
        host.network.unplug(one.id)
        assert host.network.apply(make_wanted()) == ()
        assert not namespaces.exists(vpc)
        assert not (host.layout.node / "dhcp" / one.vpc_id).exists()

    def test_destroy_leaves_nothing(self, host: Lab) -> None:
        before = (links_do.fetch().routes, links_do.fetch().indices.keys())
        _, wanted = self.wanted()
        host.apply(wanted)
        host.network.destroy()
        assert (links_do.fetch().routes, links_do.fetch().indices.keys()) == before
        assert process.run(("nft", "list", "ruleset")).stdout == b""
        assert namespaces.names(f"mallee-{host.layout.tag}-") == frozenset()
        others = network.Network(host.layout)
        others.destroy()

    def test_a_range_that_the_host_has_itself_is_left_alone(self, host: Lab) -> None:
        host.add_world()
        process.run(("ip", "route", "add", "172.31.64.0/20", "dev", "uplink"))
        _, wanted = self.wanted()
        problems = host.apply(wanted)
        assert any("172.31.64.0/20" in problem for problem in problems)
        destinations = {route.destination for route in links_do.fetch().routes}
        assert "172.31.0.0/16" not in destinations
        assert "203.0.113.0/24" in destinations


class TestTaps:
    def test_a_tap_is_born_in_the_hypervisors_namespace_and_moves(self, host: Lab) -> None:
        one = make_interface(1, PLAIN)
        wanted = make_wanted(make_vpc((one,), {PLAIN: ()}))
        host.network.apply(wanted)
        name = host.network.create_tap(one)
        assert host.network.taps() == (network.Tap(name, host.layout.hypervisor_namespace),)
        host.network.plug(one)
        host.network.plug(one)
        plugged = (network.Tap(name, host.layout.vpc_namespace(one.vpc_id)),)
        assert host.network.taps() == plugged
        assert host.network.create_tap(one) == name
        assert host.network.taps() == (network.Tap(name, host.layout.hypervisor_namespace),)
        host.network.unplug(one.id)
        host.network.unplug(one.id)
        assert host.network.taps() == ()

    def test_a_guest_finds_its_router_under_the_same_mac_wherever_it_goes(self, host: Lab) -> None:
        one = make_interface(1, PLAIN)
        host.network.apply(make_wanted(make_vpc((one,), {PLAIN: ()})))
        macs: list[str] = []
        for _ in range(2):
            name = host.network.create_tap(one)
            host.network.plug(one)
            inside = ("ip", "netns", "exec", host.layout.vpc_namespace(one.vpc_id))
            macs.append(process.run((*inside, "cat", f"/sys/class/net/{name}/address")).text)
        assert macs[0] == macs[1]
        assert macs[0].strip() != one.mac

    def test_an_unknown_interface_is_not_plugged(self, host: Lab) -> None:
        host.network.apply(make_wanted())
        with pytest.raises(network.NotWanted):
            host.network.plug(make_interface(1, PLAIN))


class Crash(BaseException):
    """The agent is killed here: nothing may catch it."""


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets the agent be killed instead of running its n-th program from now on (0: the next)."""
    run = process.run

    def arm(step: int) -> None:
        left = iter(range(step, -1, -1))

        def crash(
            argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 30
        ) -> process.Finished:
            if next(left, 1) == 0:
                raise Crash
            return run(argv, stdin, timeout_s)

        monkeypatch.setattr(process, "run", crash)

    return arm


class TestCrashes:
    """Killed before any of the programs that it runs, the agent's successor finishes the work."""

    def test_apply_goes_on_where_its_predecessor_was_killed(
        self, root_dir: Path, crash_at: Callable[[int], None]
    ) -> None:
        one = make_interface(1, WEB, public=True)
        wanted = make_wanted(make_vpc((one,), {WEB: (allow("tcp", 22),)}))
        step, was_killed = 0, True
        while was_killed:
            with lab.opened(root_dir / str(step)) as host:
                crash_at(step)
                was_killed = is_killed(lambda host=host: host.network.apply(wanted))
                crash_at(-1)
                host.network = network.Network(host.layout)
                host.apply(wanted)
                with host.guest(one).listen(22):
                    assert lab.reaches(namespaces.HOST, "203.0.113.11", 22), f"step {step}"
                assert host.network.apply(wanted) == ()
            step += 1
        assert step > 5

    def test_destroy_goes_on_where_its_predecessor_was_killed(
        self, root_dir: Path, crash_at: Callable[[int], None]
    ) -> None:
        one = make_interface(1, WEB, public=True)
        wanted = make_wanted(make_vpc((one,), {WEB: (allow("tcp", 22),)}))
        before = links_do.fetch().routes
        step, was_killed = 0, True
        while was_killed:
            with lab.opened(root_dir / str(step)) as host:
                host.apply(wanted)
                crash_at(step)
                was_killed = is_killed(host.network.destroy)
                crash_at(-1)
                network.Network(host.layout).destroy()
                assert links_do.fetch().routes == before
                assert process.run(("nft", "list", "ruleset")).stdout == b""
                assert namespaces.names(f"mallee-{host.layout.tag}-") == frozenset()
            step += 1
        assert step > 3


def is_killed(work: Callable[[], object]) -> bool:
    """Do the work; tell whether the agent was killed at it."""
    try:
        work()
    except Crash:
        return True
    return False
