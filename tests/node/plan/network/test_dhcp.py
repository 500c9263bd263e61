"""What dnsmasq reads: golden, and independent of order."""

from mallee.node.plan.network import dhcp
from tests.node.golden import assert_golden
from tests.node.lab import make_interface, make_vpc

FILES = dhcp.Files(
    configuration="/root/vpc/dnsmasq.conf",
    leases="/root/vpc/leases",
    pid="/root/run/dnsmasq.pid",
    log="/root/log/dnsmasq.log",
    hosts_directory="/root/vpc/hosts",
    names_directory="/root/vpc/names",
)


def test_the_configuration_is_golden() -> None:
    served = dhcp.Served(
        region="us-east-1", user="dnsmasq", public_range="203.0.113.0/24", resolvers=("9.9.9.9",)
    )
    assert_golden("dnsmasq.conf", dhcp.configuration_text(make_vpc((), {}), FILES, served))


def test_names_are_those_of_the_region() -> None:
    one = make_interface(1)
    assert dhcp.name_text(one, "us-east-1") == "172.31.0.11 ip-172-31-0-11.ec2.internal\n"
    assert dhcp.name_text(one, "eu-1") == "172.31.0.11 ip-172-31-0-11.eu-1.compute.internal\n"


def test_a_lease_is_the_interfaces_own() -> None:
    text = dhcp.host_text(make_interface(1))
    assert text == "02:00:00:00:00:01,172.31.0.11,ip-172-31-0-11,3600\n"


def test_an_interface_does_not_change_the_configuration() -> None:
    """A new guest must not cost a restart of dnsmasq."""
    served = dhcp.Served(
        region="us-east-1", user="dnsmasq", public_range="203.0.113.0/24", resolvers=()
    )
    empty, full = make_vpc((), {}), make_vpc((make_interface(1),), {})
    assert dhcp.configuration_text(empty, FILES, served) == dhcp.configuration_text(
        full, FILES, served
    )


def test_a_lease_outlives_only_where_nobody_else_has_the_address() -> None:
    ours = "1795251594 02:00:00:00:00:01 172.31.0.11 ip-172-31-0-11 *\n"
    others = "1795251594 02:00:00:00:00:09 172.31.0.11 ip-172-31-0-11 *\n"
    nobodys = "1795251594 02:00:00:00:00:02 172.31.0.12 ip-172-31-0-12 *\n"
    vpc = make_vpc((make_interface(1),), {})
    assert dhcp.drop_outlived_leases(ours + nobodys, vpc) == ours + nobodys
    assert dhcp.drop_outlived_leases(others + nobodys, vpc) == nobodys
    assert dhcp.drop_outlived_leases("", vpc) == ""
