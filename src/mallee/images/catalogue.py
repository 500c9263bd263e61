"""Puts image files into the cloud's store of blobs and offers them in a catalogue document.

Both are whole or absent, and doing it again with the same content changes nothing. The document's
form is `model.catalogue`; registering what it lists is the business of the cloud's reconciler.
The files stay the builder's, root's: the cloud reads them, and may remove them from its directory.
"""

import hashlib
import os
from pathlib import Path

from mallee.kit import files
from mallee.model.images import catalogue
from mallee.model.images.images import Blob
from mallee.model.layout import Layout

_CHUNK_BYTES = 1 << 20


def store(layout: Layout, source: Path, form: str) -> Blob:
    """Move the file into the store of blobs under the name of its content; `form` as in `Blob`.

    `source` must be on the file system of the root directory.
    """
    blob = Blob(_digest(source), source.stat().st_size, form)
    target = catalogue.blob_path(layout, blob)
    _make_folder(layout, layout.blobs)
    if target.exists() and target.stat().st_size == blob.size_bytes:
        source.unlink()
        # It is wanted again: who sweeps files that nothing names shall not take it before it is.
        os.utime(target)
        return blob
    source.chmod(files.READABLE)
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.rename(target)
    files.sync_directory(layout.blobs)
    return blob


def publish(layout: Layout, document: catalogue.Catalogue) -> None:
    """Write the document, unless it stands there already."""
    path = catalogue.document_path(layout, document.name)
    data = catalogue.encode(document)
    _make_folder(layout, layout.catalogue)
    if path.exists() and path.read_bytes() == data:
        return
    files.write_atomically(path, data, files.READABLE)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _make_folder(layout: Layout, folder: Path) -> None:
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o755)
        owner = layout.cloud.stat()
        # Whoever owns the cloud's state could have put a link there since.
        os.chown(folder, owner.st_uid, owner.st_gid, follow_symlinks=False)
