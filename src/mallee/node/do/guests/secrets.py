"""Tells libvirtd the keys of encrypted volumes for as long as it takes to give them to QEMU.

libvirt knows them as secrets that are kept in its memory alone. It gives them to QEMU by its
monitor, and never on a command line, which libvirt would write into a guest's log: so an encrypted
volume is always plugged into a machine that is there (`plan.instances`). Called by `livedisks`; its
errors are libvirt's own.
"""
# libvirt's Python module is generated and carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingImports=false
# pyright: reportMissingTypeStubs=false

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from mallee.model.storage.datakeys import OpenedKey
from mallee.node.do.storage import layers
from mallee.node.plan.storage import chains


@contextmanager
def told(domain: Any, keys: Mapping[str, OpenedKey]) -> Generator[None]:
    """Have libvirt know the keys of some volumes, by their ids, meanwhile."""
    connection: Any = domain.connect()
    secrets: list[Any] = []
    try:
        for volume_id, key in keys.items():
            secrets.append(connection.secretDefineXML(chains.encode_secret(volume_id)))
            secrets[-1].setValue(layers.passphrase_of(key))
        yield
    finally:
        for secret in secrets:
            secret.undefine()
