"""Addresses of a range that all accounts share: claimed in one space, so none is given twice.

In the managed modes an interface gets an address of a block of its first security group. A block is
in use while an address of it is: the first interface of a group claims the lowest free one, the
last that goes gives it back by going. A group for which a block does not suffice gets a further
one, for a limit of the network's would be none that its users could know; the gateway leads from
one to the other. Called by `privateips`, inside a transaction.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from mallee.aws import errors
from mallee.cloud import quotas
from mallee.cloud.call import WriteCall
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.identity import quotas as keys
from mallee.model.network import sharedranges
from mallee.model.network.networks import Subnet
from mallee.model.network.sharedranges import SharedRange

BLOCKS = "address-block"
"""Claim space of blocks: by its number, the security group that has it or had it last."""
LAN = "private-ip/lan"
"""Claim space of the addresses of a LAN."""

SubnetRecord = Record[Subnet, None]
Reader = store.View | store.Tx


@dataclass(frozen=True, slots=True)
class Block:
    """A block in use."""

    index: int
    group_id: str
    used: int


def claim_space(subnet: Subnet, address: str) -> str:
    """Return the claim space of an address of a shared range."""
    shared = _shared(subnet)
    if not shared.is_managed:
        return LAN
    return _space(sharedranges.index_of(subnet.cidr, shared.block_size, address))


def _space(index: int) -> str:
    return f"private-ip/block-{index}"


def _shared(subnet: Subnet) -> SharedRange:
    assert subnet.shared is not None, "only subnets of a shared range come here"
    return subnet.shared


# --- blocks ---


def in_use(view: Reader) -> Iterator[Block]:
    """Yield the blocks in use, the lowest first."""
    for index, group_id in sorted((int(key), owner) for key, owner in view.held(BLOCKS).items()):
        used = view.total(_space(index))
        if used:
            yield Block(index, group_id, used)


def blocks_of(view: Reader, account: str) -> int:
    """Return how many blocks an account's groups have in use."""
    return sum(_account(view, one) == account for one in in_use(view))


def _room(view: Reader, subnet: SubnetRecord, used: list[Block]) -> int:
    """Return how many blocks more the subnet's account may have."""
    unused = _shared(subnet.doc).blocks - len(used)
    most = quotas.most(view, subnet.account, keys.ADDRESS_BLOCKS)
    own = sum(_account(view, one) == subnet.account for one in used)
    return unused if most is None else max(min(unused, most - own), 0)


def _free_indexes(tx: store.Tx, shared: SharedRange) -> Iterator[int]:
    return (index for index in range(shared.blocks) if not tx.total(_space(index)))


def _claim_block(call: WriteCall, subnet: SubnetRecord, group_id: str) -> int:
    """Claim the lowest free block for a group; raise `InsufficientAddressCapacity`, or that its
    account has all that it may have."""
    shared = _shared(subnet.doc)
    if spent := _spent(call.tx, subnet):
        raise spent
    for index in _free_indexes(call.tx, shared):
        # Whose it was last has nothing in it any more.
        call.tx.release(BLOCKS, str(index))
        call.tx.claim(BLOCKS, str(index), group_id)
        return index
    raise used_up(call.tx, subnet)


def used_up(view: Reader, subnet: SubnetRecord) -> errors.AwsError:
    """Return the error that says what to do when no further block is to be had."""
    shared = _shared(subnet.doc)
    return _spent(view, subnet) or errors.InsufficientAddressCapacity(
        f"All {shared.blocks} networks of {shared.block_size} addresses in {subnet.doc.cidr} are "
        "in use by security groups. Launch in a security group that is in use, or terminate the "
        "instances of another."
    )


def _spent(view: Reader, subnet: SubnetRecord) -> errors.AwsError | None:
    """Return the error when the subnet's account has all blocks that it may have."""
    had = blocks_of(view, subnet.account)
    return quotas.spent(view, subnet.account, keys.ADDRESS_BLOCKS, had)


def group_of(view: Reader, subnet: SubnetRecord, address: str) -> str:
    """Return the security group of whose block an address is; empty: there are no blocks."""
    shared = _shared(subnet.doc)
    if not shared.is_managed or not address:
        return ""
    index = sharedranges.index_of(subnet.doc.cidr, shared.block_size, address)
    return view.owner_of(BLOCKS, str(index)) or ""


# --- addresses ---


def is_hosts(view: Reader, address: str) -> bool:
    """Tell whether an address of the LAN is a host's, which no guest gets."""
    return any(host.doc.address == address for host in view.list(records.HOST))


def take_any(call: WriteCall, subnet: SubnetRecord, owner: str, group_id: str) -> str:
    """Claim a free address; empty where the LAN's DHCP server will say which. Raises when none is
    free."""
    shared = _shared(subnet.doc)
    if shared.kind == "system":
        return ""
    spans = _lent_to(call, subnet, group_id)
    for span in spans:
        for number in span:
            address = str(IPv4Address(number))
            is_free = call.tx.owner_of(claim_space(subnet.doc, address), address) is None
            if is_free and (shared.is_managed or not is_hosts(call.tx, address)):
                return _claim(call, subnet.doc, address, owner)
    raise errors.InsufficientFreeAddressesInSubnet(subnet.id)


def _lent_to(call: WriteCall, subnet: SubnetRecord, group_id: str) -> tuple[range, ...]:
    """Return where to look for an address for a member of a group, which may get a block for it."""
    shared = _shared(subnet.doc)
    if not shared.is_managed:
        return sharedranges.lent_of_lan(subnet.doc.cidr, shared)
    roomy = (
        block.index
        for block in in_use(call.tx)
        if block.group_id == group_id and block.used < shared.per_block
    )
    index = next(roomy, None)
    if index is None:
        index = _claim_block(call, subnet, group_id)
    block = sharedranges.block(subnet.doc.cidr, shared.block_size, index)
    return (sharedranges.lent_of_block(block),)


def take(call: WriteCall, subnet: SubnetRecord, owner: str, asked: tuple[str, str]) -> str:
    """Claim that address, for a member of that group; raise when it may not have it."""
    address, group_id = asked
    shared = _shared(subnet.doc)
    if shared.kind == "system":
        raise errors.UnsupportedOperation(
            "The network mode of this cloud is system: which address an interface has is said by "
            "the DHCP server of its LAN."
        )
    is_taken = call.tx.owner_of(claim_space(subnet.doc, address), address) is not None
    if is_taken or is_hosts(call.tx, address):
        raise errors.InvalidIPAddressInUse(address)
    number = int(IPv4Address(address))
    if not any(number in span for span in _open_to(call.tx, subnet, group_id)):
        raise errors.InvalidParameterValue(
            f"Address {address} is not lent here: " + _why_not(shared, group_id)
        )
    if shared.is_managed and not call.tx.total(claim_space(subnet.doc, address)):
        _claim_block(call, subnet, group_id)
    return _claim(call, subnet.doc, address, owner)


def _open_to(tx: store.Tx, subnet: SubnetRecord, group_id: str) -> Iterator[range]:
    """Yield which addresses a member of a group may ask for by name."""
    shared = _shared(subnet.doc)
    if not shared.is_managed:
        yield from sharedranges.lent_of_lan(subnet.doc.cidr, shared)
        return
    own = [block.index for block in in_use(tx) if block.group_id == group_id]
    for index in own or list(_free_indexes(tx, shared))[:1]:
        block = sharedranges.block(subnet.doc.cidr, shared.block_size, index)
        yield sharedranges.lent_of_block(block)


def _why_not(shared: SharedRange, group_id: str) -> str:
    if shared.is_managed:
        return f"it is not of the network that the security group {group_id} has, or would get."
    return "it is none of network.classic.addresses."


def _claim(call: WriteCall, subnet: Subnet, address: str, owner: str) -> str:
    call.tx.claim(claim_space(subnet, address), address, owner)
    return address


# --- counted ---


def free(view: Reader, subnet: SubnetRecord) -> int:
    """Return how many addresses the subnet's account can still get."""
    shared = _shared(subnet.doc)
    if not shared.is_managed:
        lent = sharedranges.lent_of_lan(subnet.doc.cidr, shared)
        return sum(map(len, lent)) - view.total(LAN)
    used = list(in_use(view))
    own = (block for block in used if _account(view, block) == subnet.account)
    left = sum(shared.per_block - block.used for block in own)
    return left + _room(view, subnet, used) * shared.per_block


def _account(view: Reader, block: Block) -> str:
    group = view.get(records.SECURITY_GROUP, block.group_id)
    return group.account if group is not None else ""


def affordable(view: Reader, subnet: SubnetRecord, needs: Mapping[str, int], most: int) -> int:
    """Return for how many instances the addresses suffice, at most so many; `needs` says by first
    security group how many each takes."""
    shared = _shared(subnet.doc)
    if not shared.is_managed:
        return min(most, max(free(view, subnet), 0) // sum(needs.values()))
    used = list(in_use(view))
    left = {
        group_id: sum(shared.per_block - it.used for it in used if it.group_id == group_id)
        for group_id in needs
    }

    def blocks_for(count: int) -> int:
        more = (max(each * count - left[group_id], 0) for group_id, each in needs.items())
        return sum(-(-one // shared.per_block) for one in more)

    unused = _room(view, subnet, used)
    most = min(most, (unused * shared.per_block + sum(left.values())) // sum(needs.values()))
    while most and blocks_for(most) > unused:
        most -= 1
    return most
