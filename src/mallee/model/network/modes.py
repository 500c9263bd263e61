"""The classic network modes: how instances stand in the administrator's own network.

In a mode other than `vpc` the namespaces of VPCs meet the world by a leg in a network that is there
already: a VLAN per security group (`managed`), one bridge for all groups (`managed-novlan`), or the
LAN itself (`static`, `system`). This is what an agent is told of it; which addresses are whose is
the cloud's business (`cloud.modes`), how the leg is made the agent's (`node.modes`). Pure.
"""

from typing import Literal

import msgspec

from mallee.model.network.carried import AddressWanted

Mode = Literal["vpc", "managed", "managed-novlan", "static", "system"]
Kind = Literal["managed", "managed-novlan", "static", "system"]
Switch = Literal["linux", "openvswitch"]


class BlockWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A block of addresses of one security group; in `static` and `system` the LAN itself."""

    cidr: str
    gateway: str
    """The block's router: the gateway host's leg, or the LAN's router; empty: as it is learnt."""
    vlan: int = 0
    """0: its frames have no tag."""
    vpc_id: str
    """In whose namespace the guests are. Of the LAN there is one for each VPC of the host."""
    mtu: int = 0
    """How long packets may be there; 0: as by the host's own device. Learnt on the host."""


class LeaseWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """In `system`: an interface on this host for which the LAN's DHCP server is asked."""

    interface_id: str
    instance_id: str
    vpc_id: str
    mac: str
    private_ip: str = ""
    """What was leased, once the cloud has taken note of it: then it is kept by renewing. Empty:
    the interface is in no `VpcWanted` yet, and its guest waits."""


class LeaseSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the LAN's DHCP server gave an interface."""

    interface_id: str
    private_ip: str


class ModeWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The network mode as one host is told of it."""

    kind: Kind
    switch: Switch = "linux"
    device: str
    """`managed`: the trunk; else the bridge that the host's own interface is a port of. The host's
    own document goes before."""
    uplink: str = ""
    """On the gateway host: the interface that answers for public addresses; empty: by the edge."""
    subnet: str
    name_servers: tuple[str, ...] = ()
    blocks: tuple[BlockWanted, ...] = ()
    """Those that guests of this host are in; on the gateway host all that are in use. By cidr and
    VPC."""
    is_gateway: bool = False
    """Whether this host routes between blocks, and to the world."""
    publics: tuple[AddressWanted, ...] = ()
    """On the gateway host: every public address that leads to a private one, on any host."""
    leases: tuple[LeaseWanted, ...] = ()
    """In `system`: the interfaces on this host, by id."""
