"""Network ACLs as nftables chains: ordered rules at a subnet's border, blind to connections.

Each ACL is a chain for each direction; a packet that it allows comes back, any other is dropped.
`vpcfirewall` decides which packets cross a border. Pure.
"""

from collections.abc import Iterator

from mallee.model.network.acls import AclEntry
from mallee.model.network.carried import AclWanted
from mallee.node.plan.network import nft

_EVERYTHING = ("0.0.0.0/0", "::/0")


def chain_name(acl_id: str, *, is_egress: bool) -> str:
    """The name of an ACL's chain for one direction."""
    return f"{acl_id}-{'out' if is_egress else 'in'}"


def chains(acl: AclWanted) -> Iterator[nft.Chain]:
    """Return the two chains of an ACL."""
    for is_egress in (False, True):
        entries = [one for one in acl.entries if one.is_egress is is_egress]
        in_order = sorted(entries, key=lambda one: one.number)
        name = chain_name(acl.id, is_egress=is_egress)
        yield nft.Chain(name, (*(_rule(entry) for entry in in_order), "counter drop"))


def _rule(entry: AclEntry) -> str:
    words = (_who(entry), _what(entry), "counter", "return" if entry.is_allowed else "drop")
    return " ".join(word for word in words if word)


def _who(entry: AclEntry) -> str:
    cidr = entry.cidr or entry.cidr6 or ""
    family, protocol = ("ip6", "ipv6") if ":" in cidr else ("ip", "ipv4")
    if cidr in _EVERYTHING:
        return f"meta nfproto {protocol}"
    return f"{family} {'daddr' if entry.is_egress else 'saddr'} {cidr}"


def _what(entry: AclEntry) -> str:
    match entry.protocol:
        case "-1":
            return ""
        case "6" | "17":
            name = "tcp" if entry.protocol == "6" else "udp"
            if (entry.from_port, entry.to_port) == (0, 65535):
                return f"meta l4proto {name}"
            return f"{name} dport {entry.from_port}-{entry.to_port}"
        case "1" | "58":
            name = "icmp" if entry.protocol == "1" else "icmpv6"
            kind = (
                f"meta l4proto {name}" if entry.icmp_type < 0 else f"{name} type {entry.icmp_type}"
            )
            code = (
                f" {name} code {entry.icmp_code}"
                if min(entry.icmp_type, entry.icmp_code) >= 0
                else ""
            )
            return kind + code
        case number:
            return f"meta l4proto {number}"
