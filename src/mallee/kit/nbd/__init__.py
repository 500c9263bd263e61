"""NBD: disks over a socket, as QEMU speaks it, from both ends."""
