"""What is said of each setting of Eucalyptus that has no counterpart: why none is needed, or that
it is not there.

Called by `eucalyptusconf`. By name; names that begin alike share words. What of the network's lines
becomes settings is `eucalyptusnets`' business.
"""

from mallee.model.network.modes import Mode

_ROUTED = "VPC networking: an own range for each account, groups enforced for every interface, "
_GROUPS = "groups enforced inside the network too, several for an instance, no address forged"
MODES: dict[str, tuple[Mode, str]] = {
    "SYSTEM": ("system", "addresses of the LAN's own DHCP server; metadata, groups and no forging"),
    "STATIC": ("static", "addresses of the LAN from a list; metadata, groups and no forging"),
    "MANAGED": ("managed", f"a VLAN for each security group in use; {_GROUPS}"),
    "MANAGED-NOVLAN": ("managed-novlan", f"security groups side by side on one bridge; {_GROUPS}"),
    "EDGE": ("vpc", f"{_ROUTED}on every host, as it was in EDGE"),
    "VPCMIDO": ("vpc", f"{_ROUTED}without MidoNet"),
}
"""What becomes of each network mode."""

_NO_BRIDGE = "nothing: instances of a VPC are routed, on no interface of this machine's"
_NAMES = "nothing: instances ask a name server of their VPC, which asks this machine's own"
_DHCP = "nothing: every subnet has a DHCP server of its own, started by the host's agent"
_BY_RANGE = "nothing: it follows from the range"
_BY_US = "nothing: the cloud gives interfaces their MAC addresses"
_LOGS = "nothing: logs lie in `log/` under the root directory"
_PLACES = "nothing: everything lies under the root directory, see `--root`"
_ROOM = "nothing here: a host's `node.toml` has `[capacity]` for what instances may use of it"
_VIRTIO = "nothing: disks and interfaces are always virtio"
_LOOPS = "nothing: no loop devices are needed"
_POLLS = "nothing: agents hold a call open and are told at once"
_IMAGES = "nothing: images are fetched once per host, and evicted by use"
_MIDO = "nothing: there is no MidoNet"
_POWER = "is not there: idle hosts are not put to sleep"
_WAITS = "nothing: see `[deadlines]`; no wait is without one"
_CEPH = "is not there: volumes do not lie in Ceph RBD"
_SPOOF = "nothing: what is not the guest's own address is dropped, always"
_HA = "nothing: see several front ends on PostgreSQL"
_METADATA = "nothing: each host serves metadata to its own guests, known by their interfaces"
_ENABLED = "nothing: it is always there"
_QUOTAS = "nothing here: quotas of accounts, see `mallee quota`"

_WORDS = {
    "VNET_PRIVINTERFACE": _NO_BRIDGE,
    "VNET_PUBINTERFACE": _NO_BRIDGE,
    "VNET_INTERFACE": _NO_BRIDGE,
    "VNET_BRIDGE": _NO_BRIDGE,
    "VNET_ADDRSPERNET": "nothing: a security group has no range of its own and no such limit",
    "VNET_MACMAP": "nothing: addresses are those of interfaces, which may be chosen at launch",
    "VNET_SUBNET": "nothing: it is empty",
    "VNET_NETMASK": "nothing: there is no VNET_SUBNET",
    "VNET_PUBLICIPS": "nothing: it is empty",
    "VNET_MODE": "nothing: it is empty",
    "VNET_PRIVATEIPS": "nothing: private addresses are those of subnets",
    "VNET_DNS": _NAMES,
    "VNET_DOMAINNAME": "nothing: names end in `REGION.compute.internal`, as AWS's do",
    "VNET_BROADCAST": _BY_RANGE,
    "VNET_ROUTER": _BY_RANGE,
    "VNET_MACPREFIX": _BY_US,
    "VNET_DHCPDAEMON": _DHCP,
    "VNET_DHCPUSER": _DHCP,
    "VNET_SYSTEMCTL": _DHCP,
    "VNET_PORT": "nothing: agents call the cloud, not the cloud them",
    "EUCALYPTUS": _PLACES,
    "EUCA_USER": "nothing: the cloud runs as the user `mallee`",
    "INSTANCE_PATH": _PLACES,
    "SCHEDPOLICY": "nothing: hosts are chosen by their room; see placement groups",
    "MAX_INSTANCES_PER_CC": _QUOTAS,
    "MAX_CORES": _ROOM,
    "MAX_MEM": _ROOM,
    "MAX_DISK": _ROOM,
    "NC_WORK_SIZE": _ROOM,
    "NC_WORK_OVERHEAD_SIZE": _ROOM,
    "NC_CACHE_SIZE": _IMAGES,
    "SWAP_SIZE": "is not there: instance types have no swap disk",
    "DISABLE_TUNNELING": "nothing: hosts reach one another's instances by VXLAN",
    "DISABLE_KEY_INJECTION": "nothing: keys come by the metadata service, disks are not changed",
    "DISABLE_L2_ISOLATION": _SPOOF,
    "DISABLE_DNS": _ENABLED,
    "DISABLE_EBS": _ENABLED,
    "DISABLE_ISCSI": "nothing: volumes are not carried by iSCSI",
    "ENABLE_WS_SECURITY": "nothing: hosts have certificates, every call is signed",
    "JVM_MEM": "nothing: there is no Java process",
    "POLLING_FREQUENCY": _POLLS,
    "CLC_POLLING_FREQUENCY": _POLLS,
    "NC_POLLING_FREQUENCY": _POLLS,
    "NC_FANOUT": _POLLS,
    "NC_PORT": "nothing: agents call the cloud, not the cloud them",
    "NC_SERVICE": "nothing: agents call the cloud, not the cloud them",
    "NC_ROUTER": _SPOOF,
    "NC_ROUTER_IP": _BY_RANGE,
    "NC_PROXY": "nothing: hosts get what they need from the cloud itself",
    "CC_ARBITRATORS": _HA,
    "MANUAL_INSTANCES_CLEANUP": "nothing: what is left without an owner is said, not deleted",
    "CONCURRENT_DISK_OPS": "nothing: it follows from the host's processors",
    "CONCURRENT_CLEANUP_OPS": "nothing: it follows from the host's processors",
    "SC_REQUEST_TIMEOUT": _WAITS,
    "WALRUS_DOWNLOAD_MAX_ATTEMPTS": _WAITS,
    "DISABLE_CACHE_SNAPSHOTS": "nothing: disks are layers over images",
    "USE_CPU_PASSTHROUGH": "nothing: guests of a zone see what all its hosts' processors have",
    "LIBVIRT_USE_POLICY_KIT": "nothing: libvirt is the cloud's own",
    "EPHEMERAL_CACHE_HIGHWATER_GB": _IMAGES,
}
_BEGINNINGS = (
    ("LOG", _LOGS),
    ("MIDO_", _MIDO),
    ("POWER_", _POWER),
    ("CEPH_", _CEPH),
    ("USE_VIRTIO_", _VIRTIO),
    ("CREATE_", _LOOPS),
    ("CC_IMAGE_PROXY", _IMAGES),
    ("METADATA_", _METADATA),
    ("NC_", _WAITS),
)


_NOT_OF_MODE = "nothing, as it was: it has no meaning in this network mode"
_OF_MODES = frozenset(
    ("VNET_PRIVATEIPS", "VNET_MACMAP", "VNET_ROUTER", "VNET_BRIDGE", "VNET_ADDRSPERNET")
)
"""What some classic modes read, and others never did."""


def of(name: str, mode: Mode = "vpc") -> str:
    """Return what becomes of a setting where the network is of that mode."""
    if mode != "vpc" and name in _OF_MODES:
        return _NOT_OF_MODE
    beginnings = (words for beginning, words in _BEGINNINGS if name.startswith(beginning))
    return _WORDS.get(name) or next(beginnings, "nothing: it is no setting of Eucalyptus")
