"""From where an elastic address comes: the cloud's own range, a pool of addresses, or an IPAM's.

Called by `addresses` when one is allocated or released. Whoever holds an address has claimed it in
one space (`publicpool`), wherever it is from.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from mallee.aws import errors
from mallee.cloud.call import Request, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.ipam import given, policies, publicpools
from mallee.cloud.ec2.vpc.addresses import publicpool
from mallee.cloud.state import records

AMAZON = "amazon"
"""What the cloud's own range is called, among the names of pools."""


def take(call: WriteCall, request: Request, id: str) -> tuple[str, str]:
    """Claim an address for the allocation `id`; return it with the pool's id, empty: of none."""
    public_pool, ipam_pool = request.get("PublicIpv4Pool"), request.get("IpamPoolId")
    publicpools.check_group(call, request.get("NetworkBorderGroup"))
    address: str | None = request.get("Address")
    if public_pool is not None and ipam_pool is not None:
        raise errors.InvalidParameterCombination(
            "PublicIpv4Pool and IpamPoolId may not both be given."
        )
    if public_pool == AMAZON and address is None:
        return publicpool.take_any(call, id), ""
    if public_pool not in (None, AMAZON):
        pool = resources.one(call, records.PUBLIC_POOL, public_pool)
        return _of(call, pool.doc.cidrs, id, address), pool.id
    if ipam_pool is not None:
        return _of_ipam(call, ipam_pool, id, address)
    if address is not None:
        return publicpool.take(call, id, address), ""
    by_policy = policies.take_address(call, id)
    if by_policy is not None:
        cidr, pool_id = by_policy
        return publicpool.claim(call, IPv4Address(cidr.partition("/")[0]), id), pool_id
    return publicpool.take_any(call, id), ""


def _of(call: WriteCall, cidrs: Iterable[str], id: str, address: str | None) -> str:
    """Claim an address of some ranges: that one, or the first that is free."""
    networks = [IPv4Network(cidr) for cidr in cidrs]
    if address is not None:
        asked = publicpool.parse(address)
        if not any(asked in network for network in networks):
            raise errors.InvalidAddressNotFound(address)
        return publicpool.claim(call, asked, id)
    for network in networks:
        for one in network:
            if call.tx.owner_of(publicpool.SPACE, str(one)) is None:
                return publicpool.claim(call, one, id)
    raise errors.InsufficientAddressCapacity("The pool has no free address.")


def _of_ipam(call: WriteCall, pool_id: str, id: str, address: str | None) -> tuple[str, str]:
    pool = given.usable(call, pool_id)
    publicpools.check_source(call, pool)
    cidr = None if address is None else f"{publicpool.parse(address)}/32"
    wish = given.Wish(cidr=cidr, length=None if cidr else 32, is_ruled=False)
    holder = given.Holder(type=given.ADDRESS, id=id, owner=call.account)
    taken = given.take(call, pool, wish, holder).doc.cidr
    return publicpool.claim(call, IPv4Address(taken.partition("/")[0]), id), pool.id
