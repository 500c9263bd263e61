"""The archive holds what the tree holds, in an order that does not depend on the tree's."""

import subprocess

from mallee.images import cpio, tree

TREE = {
    "init": tree.Node(tree.PROGRAM, b"#!/bin/sh\n"),
    "bin/sh": tree.link("busybox"),
    "dev/console": tree.Node(tree.CONSOLE, device=(5, 1)),
    "proc": tree.directory(),
}


def test_another_program_reads_the_archive() -> None:
    listed = subprocess.run(
        ["busybox", "cpio", "-tv"], input=cpio.encode(TREE), capture_output=True, check=True
    ).stdout.decode()
    shown = [(line.split()[0], line.split()[-1]) for line in listed.splitlines()]
    assert ("-rwxr-xr-x", "init") in shown
    assert ("lrwxrwxrwx", "busybox") in shown
    assert ("drwxr-xr-x", "proc") in shown
    assert "bin/sh -> busybox" in listed
    assert ("crw-------", "dev/console") in shown


def test_directories_come_before_what_they_hold() -> None:
    archive = cpio.encode(TREE)
    assert archive.index(b"bin\0") < archive.index(b"bin/sh\0")
    assert archive.index(b"dev\0") < archive.index(b"dev/console\0")


def test_order_of_the_tree_does_not_matter() -> None:
    assert cpio.encode(TREE) == cpio.encode(dict(reversed(TREE.items())))


def test_members_are_aligned() -> None:
    for length in range(5):
        assert len(cpio.encode({"x": tree.Node(tree.FILE, b"x" * length)})) % 4 == 0
