"""The directories of a host below its root: who owns them, and who may look in.

Made by `box.owners`, looked at by `checks.machine` and put right by `checks.mending`.
"""

from mallee.kit.ownership import Directory
from mallee.model.layout import Layout


def of_host(layout: Layout) -> tuple[Directory, ...]:
    """Return the directories of a host, parents first."""
    root = "root"
    return (
        Directory(layout.root, root, root, 0o755, follows_link=True),
        # Passed through by QEMU's and dnsmasq's users, listed by nobody.
        Directory(layout.node, root, root, 0o711),
        Directory(layout.node_pki, root, root, 0o700),
        Directory(layout.node_images, root, root, 0o711),
        Directory(layout.instances, root, root, 0o711),
        Directory(layout.lost, root, root, 0o700),
        Directory(layout.run, root, root, 0o755),
        # The cloud's own files in it are made for it by the supervisor.
        Directory(layout.log, root, root, 0o755),
        Directory(layout.libvirt, root, root, 0o755),
    )
