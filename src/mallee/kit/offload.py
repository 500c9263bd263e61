"""Has a NIC send frames as they go over a wire: with checksums, none larger than its MTU.

Between namespaces the kernel passes large segments on whole and sums nothing. A switch of Open
vSwitch cannot read such, and of a cable that loses large packets they would tell a wrong tale.
Called in the NIC's namespace by `node.modes.switching`, and by `lab.links` as
`python -m mallee.kit.offload NIC`.
"""

import array
import fcntl
import socket
import struct
import sys

_SIOCETHTOOL = 0x8946
_SET_CHECKSUMS, _SET_SEGMENTS, _SET_LARGE = 0x17, 0x1F, 0x24
"""ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO."""


def switch_off(nic: str) -> None:
    """Switch off what saves the kernel from summing and segmenting."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        for command in (_SET_CHECKSUMS, _SET_SEGMENTS, _SET_LARGE):
            value = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP", nic.encode(), value.buffer_info()[0])
            fcntl.ioctl(link, _SIOCETHTOOL, request)


if __name__ == "__main__":
    switch_off(sys.argv[1])
