"""Apache libcloud's drivers for EC2 and for Eucalyptus, unmodified: the whole life of an instance.

The second one comes by Eucalyptus' path, signs as its time did, and asks for types in its words.
"""

# libcloud has types for few of its methods.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from libcloud.common.exceptions import BaseHTTPError
from libcloud.compute.drivers.ec2 import EC2NodeDriver, EucNodeDriver
from libcloud.compute.types import NodeState

from tests.wholecloud import GUEST_S, TINY, Cloud

pytestmark = pytest.mark.machine

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl someone"


def of_ec2(cloud: Cloud) -> Any:
    """The driver as it is used with a cloud that is not AWS's."""
    where = urllib.parse.urlsplit(cloud.access.endpoint)
    return EC2NodeDriver(
        cloud.access.access_key_id,
        cloud.access.secret_access_key,
        secure=False,
        host=where.hostname,
        port=where.port,
        region="us-east-1",
    )


def of_eucalyptus(cloud: Cloud) -> Any:
    """The driver as old hands have it in their scripts."""
    where = urllib.parse.urlsplit(cloud.access.endpoint)
    return EucNodeDriver(
        cloud.access.access_key_id,
        cloud.access.secret_access_key,
        secure=False,
        host=where.hostname,
        port=where.port,
        path="/services/compute",
    )


DRIVERS = pytest.mark.parametrize("driver_of", [of_ec2, of_eucalyptus])


@DRIVERS
def test_an_instance_lives(cloud: Cloud, driver_of: Callable[[Cloud], Any]) -> None:
    driver = driver_of(cloud)
    size = next(one for one in driver.list_sizes() if one.id == "m1.small")
    image = next(one for one in driver.list_images() if one.name == TINY)
    group = driver.ex_create_security_group("libcloud", "made by libcloud")["group_id"]
    key = driver.import_key_pair_from_string("libcloud", PUBLIC)
    node = None
    try:
        assert driver.ex_authorize_security_group_ingress(group, 22, 22, cidr_ips=["0.0.0.0/0"])
        node = driver.create_node(
            name="libcloud",
            image=image,
            size=size,
            ex_keyname=key.name,
            ex_security_groups=["libcloud"],
            ex_metadata={"made-by": "libcloud"},
        )
        [(running, _)] = driver.wait_until_running([node], wait_period=1, timeout=GUEST_S)
        assert (running.id, running.state) == (node.id, NodeState.RUNNING)
        assert running.name == "libcloud"
        assert driver.ex_describe_tags(resource=running) == {
            "Name": "libcloud",
            "made-by": "libcloud",
        }
        assert driver.reboot_node(running)
        assert driver.ex_stop_node(running)
        cloud.wait_state(node.id, "stopped")
        assert driver.ex_start_node(running)
        cloud.wait_state(node.id, "running")
        assert "output" in driver.ex_get_console_output(running)
    finally:
        if node is not None:
            assert driver.destroy_node(node)
            cloud.wait_state(node.id, "terminated")
        driver.delete_key_pair(key)
        driver.ex_delete_security_group_by_id(group)
    assert "libcloud" not in driver.ex_list_security_groups()


@DRIVERS
def test_keys_and_addresses_come_and_go(cloud: Cloud, driver_of: Callable[[Cloud], Any]) -> None:
    driver = driver_of(cloud)
    made = driver.create_key_pair("by-libcloud")
    assert made.private_key.startswith("-----BEGIN")
    assert driver.get_key_pair("by-libcloud").fingerprint == made.fingerprint
    assert driver.delete_key_pair(made)
    address = driver.ex_allocate_address("vpc")
    assert address.ip in [one.ip for one in driver.ex_describe_all_addresses()]
    assert driver.ex_release_address(address, domain="vpc")
    assert address.ip not in [one.ip for one in driver.ex_describe_all_addresses()]


@DRIVERS
def test_networks_and_volumes_are_found(cloud: Cloud, driver_of: Callable[[Cloud], Any]) -> None:
    driver = driver_of(cloud)
    network = driver.ex_create_network("10.7.0.0/16", name="libcloud")
    subnet = driver.ex_create_subnet(network.id, "10.7.1.0/24", "us-east-1a", name="libcloud")
    assert network.id in [one.id for one in driver.ex_list_networks()]
    assert subnet.id in [one.id for one in driver.ex_list_subnets()]
    assert driver.ex_delete_subnet(subnet)
    assert driver.ex_delete_network(network)
    assert network.id not in [one.id for one in driver.ex_list_networks()]


@DRIVERS
def test_a_refusal_is_an_error_of_libcloud(cloud: Cloud, driver_of: Callable[[Cloud], Any]) -> None:
    driver = driver_of(cloud)
    with pytest.raises(BaseHTTPError, match=r"InvalidInstanceID\.NotFound"):
        driver.list_nodes(ex_node_ids=["i-0123456789abcdef0"])
