"""Blocks of the cloud's own public ranges that are set aside for pools of public scopes.

Called by `poolcidrs` and `pools`. What is set aside is lent to nobody unasked (`vpc.publicpool`,
`vpc.vpccidrs`): each IPv4 address, and each range of IPv6 that one VPC could get, is claimed for
the pool at the top. Only administrators of the cloud set aside; whom they let use a pool is theirs.
"""

from ipaddress import IPv6Network, ip_network

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2.ipam import spaces
from mallee.cloud.ec2.vpc import vpcipv6
from mallee.cloud.ec2.vpc.addresses import publicpool
from mallee.cloud.state import store
from mallee.cloud.state.records import Record
from mallee.model.configuration.settings import IPV6_OF_A_VPC
from mallee.model.network import addressspans
from mallee.model.network.ipam import IPV4, Pool

LARGEST4, LARGEST6 = 22, 46
"""The shortest netmasks of blocks: 1024 addresses, and 1024 ranges for VPCs."""

PoolRecord = Record[Pool, None]


def set_aside(call: WriteCall, pool: PoolRecord, length: int) -> str:
    """Claim a free block of that length for the pool; raise when there is none."""
    if not call.principal.is_cloud_admin:
        raise errors.AuthFailure(
            "Public ranges are set aside by administrators of the cloud, who may let your account "
            "use the pool."
        )
    least, most = (LARGEST4, 32) if pool.doc.family == IPV4 else (LARGEST6, IPV6_OF_A_VPC)
    if not least <= length <= most:
        raise errors.InvalidParameterValue(
            f"Value ({length}) for parameter NetmaskLength is invalid. It ranges from {least} to "
            f"{most}."
        )
    block = _free4(call, length) if pool.doc.family == IPV4 else _free6(call, length)
    space = publicpool.BLOCKS if pool.doc.family == IPV4 else vpcipv6.RANGES
    for key in _keys(block):
        call.tx.claim(space, key, pool.id)
    return block


def _free4(call: WriteCall, length: int) -> str:
    whole = call.settings.network.public_range
    taken = {*call.tx.held(publicpool.SPACE), *call.tx.held(publicpool.BLOCKS)}
    never = map(str, addressspans.beyond(whole, publicpool.lendable(call.settings)))
    found = spaces.first_free([whole], (*never, *(f"{ip}/32" for ip in taken)), length)
    if found is None:
        raise errors.InsufficientAddressCapacity(
            f"The public range {whole} has no free block of /{length}."
        )
    return str(found)


def _free6(call: WriteCall, length: int) -> str:
    whole = vpcipv6.whole(call.settings)
    found = spaces.first_free([str(whole)], call.tx.held(vpcipv6.RANGES), length)
    if found is None:
        raise errors.InsufficientAddressCapacity(
            f"The cloud's IPv6 range {whole} has no free block of /{length}."
        )
    return str(found)


def _keys(block: str) -> list[str]:
    network = ip_network(block)
    if isinstance(network, IPv6Network):
        return [str(part) for part in network.subnets(new_prefix=IPV6_OF_A_VPC)]
    return [str(address) for address in network]


def give_back(tx: store.Tx, pool: PoolRecord, cidr: str = "") -> None:
    """Let the cloud have a block again, or all that a pool at the top has."""
    if pool.doc.scope_type != "public" or pool.doc.source_id:
        return
    for one in pool.doc.cidrs:
        if cidr in ("", one.cidr):
            space = publicpool.BLOCKS if pool.doc.family == IPV4 else vpcipv6.RANGES
            for key in _keys(one.cidr):
                if tx.owner_of(space, key) == pool.id:
                    tx.release(space, key)
