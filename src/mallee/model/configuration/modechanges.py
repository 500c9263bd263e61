"""What a change of the network mode means, in words for the plan of a change of settings.

Pure; called by `settingschanges`.
"""

from collections.abc import Iterator

from mallee.model.configuration.settings import Network
from mallee.model.network import classic, sharedranges

_BECOMES = {
    "vpc": "each account gets a default VPC of its own range again ({private_range})",
    "managed": (
        "all accounts share {subnet}: {blocks:,} networks of {size} addresses, {lent} of each are "
        "lent; a security group in use has one, with a VLAN of {first}-{last} on {device}"
    ),
    "managed-novlan": (
        "all accounts share {subnet}: {blocks:,} networks of {size} addresses, {lent} of each are "
        "lent; a security group in use has one, side by side on {device}"
    ),
    "static": (
        "instances stand in the LAN {subnet} by {device}, with {listed} addresses of a list; their "
        "router is {router}"
    ),
    "system": (
        "instances stand in the LAN {subnet} by {device}; its own DHCP server says which addresses "
        "they have"
    ),
}


def meanings(before: Network, after: Network) -> Iterator[str]:
    """Yield what another mode means for accounts, hosts and users."""
    if (before.mode, before.classic) == (after.mode, after.classic):
        return
    shared, told = sharedranges.of(after), after.classic
    vlans = classic.vlans(told) or range(1)
    lent = classic.lendable(told) if after.mode == "static" else ()
    yield _BECOMES[after.mode].format(
        private_range=after.private_range,
        subnet=told.subnet,
        device=told.device or "what each host's node.toml names",
        blocks=shared.blocks if shared else 0,
        size=told.addresses_per_network,
        lent=shared.per_block if shared and shared.is_managed else 0,
        first=vlans[0],
        last=vlans[max(0, (shared.blocks if shared else 0) - 1)] if len(vlans) > 1 else vlans[0],
        listed=sum(map(len, lent)),
        router=told.router,
    )
    if before.mode == after.mode:
        return
    if after.mode != "vpc":
        yield "VPCs, subnets, routes and gateways of accounts' own are refused"
    if after.mode in classic.LAN:
        yield "there are no elastic addresses: an instance is reached by its address of the LAN"
    elif before.mode in classic.LAN:
        yield f"instances get public addresses of {after.public_range}"
