"""The only files that touch the host: libvirt, network, disks, images."""
