"""Loads firewall texts into the namespace that the calling thread is in, and finds out whether
anybody has changed the firewall since.

The kernel counts the transactions of a namespace's whole ruleset (its *generation*): as long as
the count is the one that our own loading left, every rule is still as we set it.
Called by `network`; the texts are `plan/firewall`'s.
"""

import json
import socket
import struct
from typing import Any

from mallee.kit import process

_LOAD_TIMEOUT_S = 300.0
"""A million rules take a busy machine most of a minute; given up, they would be begun again."""
_NETLINK_NETFILTER = 12
_GET_GENERATION = (10 << 8) | 16
_NLM_F_REQUEST = 1
_GENERATION_ATTRIBUTE = 1
_HEADERS_BYTES = 16 + 4


def apply(text: str) -> int:
    """Load the text in one transaction; return the generation that it left.

    Raises `process.Failed` when the kernel refuses it; then nothing has changed.
    """
    process.run(("nft", "-f", "-"), text.encode(), timeout_s=_LOAD_TIMEOUT_S)
    return fetch_generation()


def remove(table: str) -> None:
    """Remove a table of family `inet`; nothing happens when there is none."""
    process.run(("nft", "-f", "-"), f"table inet {table}\ndelete table inet {table}\n".encode())


def has_table(table: str) -> bool:
    """Tell whether a table of family `inet` stands."""
    lines = process.run(("nft", "list", "tables")).text.splitlines()
    return f"table inet {table}" in lines


def fetch_closed_chains() -> tuple[str, ...]:
    """Return the chains that drop forwarded packets unless told otherwise, but ours."""
    found = json.loads(process.run(("nft", "--json", "list", "chains")).stdout)["nftables"]
    chains: list[dict[str, Any]] = [entry["chain"] for entry in found if "chain" in entry]
    return tuple(
        f"{chain['family']} {chain['table']} {chain['name']}"
        for chain in chains
        if chain.get("hook") == "forward"
        and chain.get("policy") == "drop"
        and not chain["table"].startswith("mallee-")
    )


def fetch_generation() -> int:
    """Ask the kernel for the generation of the namespace's ruleset."""
    nfgenmsg = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)
    header = struct.pack("=IHHII", _HEADERS_BYTES, _GET_GENERATION, _NLM_F_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as link:
        link.send(header + nfgenmsg)
        answer = link.recv(4096)
    at = _HEADERS_BYTES
    while at + 4 <= len(answer):
        length, kind = struct.unpack_from("=HH", answer, at)
        if kind == _GENERATION_ATTRIBUTE:
            return struct.unpack_from(">I", answer, at + 4)[0]
        at += max(4, (length + 3) & ~3)
    raise OSError(f"the kernel did not tell its ruleset's generation: {answer.hex()}")
