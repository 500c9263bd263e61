"""`mallee images bundle` and its kin: images as Eucalyptus bundled them, made and taken apart.

A bundle is a folder of parts and a manifest; uploaded, its image is registered by
`aws ec2 register-image --image-location BUCKET/NAME.manifest.xml`. Not its business: the format
(`aws.bundles`).
"""

import io
import posixpath
import secrets
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from mallee.aws import bundles
from mallee.aws.bundles import Cutter, Key, Manifest, NotABundle, Part
from mallee.box import steps
from mallee.cli import client, progress, words
from mallee.cli.objects import buckettransfers
from mallee.cli.objects.buckettransfers import Say
from mallee.cli.root import DEFAULT, Root
from mallee.kit import files
from mallee.model.layout import Layout

SUFFIX = ".manifest.xml"
_CHUNK_BYTES = 1 << 20
_PACKED_BYTES = 4 << 10
"""Unpacked at once: of a disk's holes it becomes a thousand times as much, which is then copied for
each piece that is taken of it."""


def bundle(
    file: Path,
    *,
    to: Path = Path(),
    name: str = "",
    kind: Literal["machine", "kernel", "ramdisk"] = "machine",
    kernel: str = "",
    ramdisk: str = "",
    certificate: Path | None = None,
    user_certificate: Path | None = None,
    root: Root = DEFAULT,
) -> None:
    """Cut an image into encrypted parts, with a manifest beside them.

    Parameters
    ----------
    file
        A raw disk, a kernel or a ramdisk.
    to
        The folder that the parts go to; here unless said.
    name
        What the parts are called; as the file, unless said. Of a kernel it begins with `vmlinuz` or
        `kernel`, of a ramdisk with `initrd` or `ramdisk`.
    kind
        What the file is.
    kernel
        Id of the kernel (AKI) that the machine boots with.
    ramdisk
        Id of its ramdisk (ARI).
    certificate
        Of the cloud that shall open it; this machine's, unless said.
    user_certificate
        Of who else may open it; the cloud alone, unless said.
    """
    layout = Layout(root)
    if not file.is_file():
        raise steps.Failed(f"there is no file {file}", "mallee images bundle --help")
    for_cloud = _read(certificate or layout.bundle_certificate)
    for_user = _read(user_certificate) if user_certificate else for_cloud
    key, called = Key(secrets.token_bytes(16), secrets.token_bytes(16)), name or file.name

    def make(say: Say) -> str:
        to.mkdir(parents=True, exist_ok=True)
        parts = Cutter(called, key, lambda name, data: files.write_atomically(to / name, data))
        with tarfile.open(mode="w|", fileobj=parts) as archive:
            archive.add(file, called)
        parts.finish()
        manifest = Manifest(
            name=called,
            kind=kind,
            architecture="x86_64",
            account=client.access(layout).account_id,
            kernel_id=kernel,
            ramdisk_id=ramdisk,
            sha1=parts.sha1,
            size_bytes=file.stat().st_size,
            bundled_bytes=parts.bundled_bytes,
            for_cloud=bundles.lock(key, for_cloud),
            for_user=bundles.lock(key, for_user),
            parts=tuple(parts.made),
        )
        files.write_atomically(to / f"{called}{SUFFIX}", bundles.render(manifest))
        return f"{len(parts.made)} parts"

    progress.run([steps.Step(f"Bundle {file.name}", make)])
    words.give(str(to / f"{called}{SUFFIX}"))


def unbundle(
    manifest: Path, *, to: Path = Path(), key: Path | None = None, root: Root = DEFAULT
) -> None:
    """Put the image of a bundle together again.

    Parameters
    ----------
    manifest
        The bundle's manifest, with its parts beside it.
    to
        The folder that the image goes to; here unless said.
    key
        The RSA key of whose certificate it was bundled for; this machine's cloud's, unless said.
    """
    told = _parsed(_read(manifest))
    pem = _read(key or Layout(root).bundle_key)
    try:
        opened = bundles.unlock(told.for_user if key else told.for_cloud, pem)
    except NotABundle as error:
        raise steps.Failed(str(error), "`--key FILE` names another key") from error

    def take(say: Say) -> str:
        def parts() -> Iterator[tuple[Part, bytes]]:
            for part in told.parts:
                yield part, _read(manifest.with_name(part.name))

        to.mkdir(parents=True, exist_ok=True)
        try:
            pieces = _Pieces(bundles.open_parts(parts(), opened))
            with tarfile.open(mode="r|gz", fileobj=pieces, bufsize=_PACKED_BYTES) as tar:
                return _take_out(tar, to / told.name)
        except (NotABundle, tarfile.TarError, zlib.error, EOFError) as error:
            raise steps.Failed(str(error), "fetch the bundle again") from error

    progress.run([steps.Step(f"Put {told.name} together", take)])
    words.give(str(to / told.name))


class _Pieces(io.RawIOBase):
    """What a tar is read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._waiting = memoryview(b"")

    def read(self, count: int = -1, /) -> bytes:
        """Return the next bytes, of one piece; none at the end."""
        while not self._waiting:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._waiting = memoryview(piece)
        data, self._waiting = self._waiting[:count], self._waiting[count:]
        return bytes(data)


def _take_out(archive: tarfile.TarFile, path: Path) -> str:
    member = archive.next()
    inside = archive.extractfile(member) if member is not None and member.isreg() else None
    if inside is None:
        raise NotABundle("the bundle has no file in it")
    size = 0
    with path.open("xb") as out:
        while piece := inside.read(_CHUNK_BYTES):
            size += len(piece)
            if piece == bytes(len(piece)):
                out.seek(len(piece), 1)
            else:
                out.write(piece)
        out.truncate(size)
    return f"{size >> 20} MiB"


def upload_bundle(manifest: Path, bucket: str, *, folder: str = "", root: Root = DEFAULT) -> None:
    """Bring a bundle into a bucket; its manifest comes last.

    Parameters
    ----------
    manifest
        The bundle's manifest, with its parts beside it.
    bucket
        The bucket, which is made unless it is there.
    folder
        Where in the bucket.
    """
    layout = Layout(root)
    told = _parsed(_read(manifest))
    names = [*(part.name for part in told.parts), manifest.name]

    def send(say: Say) -> str:
        for index, name in enumerate(names, 1):
            place = bucket, posixpath.join(folder, name)
            buckettransfers.send(layout, place, manifest.with_name(name), lambda _: None)
            say(f"{100 * index // len(names)} %")
        return f"{len(names)} objects"

    progress.run([steps.Step("Upload the bundle", send)])
    words.give(posixpath.join(bucket, folder, manifest.name))


def download_bundle(location: str, *, to: Path = Path(), root: Root = DEFAULT) -> None:
    """Fetch a bundle from a bucket.

    Parameters
    ----------
    location
        Where its manifest is: `BUCKET/FOLDER/NAME.manifest.xml`.
    to
        The folder that it goes to; here unless said.
    """
    layout = Layout(root)
    bucket, key, told = _told(layout, location)
    folder, name = posixpath.split(key)

    def fetch(say: Say) -> str:
        to.mkdir(parents=True, exist_ok=True)
        for one in (*(part.name for part in told.parts), name):
            place = bucket, posixpath.join(folder, one)
            buckettransfers.fetch(layout, place, to / one, say)
        return f"{len(told.parts)} parts"

    progress.run([steps.Step("Download the bundle", fetch)])
    words.give(str(to / name))


def delete_bundle(location: str, *, root: Root = DEFAULT) -> None:
    """Delete a bundle from a bucket: its manifest first, then its parts.

    Parameters
    ----------
    location
        Where its manifest is: `BUCKET/FOLDER/NAME.manifest.xml`.
    """
    layout = Layout(root)
    bucket, key, told = _told(layout, location)
    buckettransfers.delete(layout, (bucket, key))
    for part in told.parts:
        buckettransfers.delete(layout, (bucket, posixpath.join(posixpath.dirname(key), part.name)))
    words.tell(f"deleted: {location}, {len(told.parts)} parts")


def _told(layout: Layout, location: str) -> tuple[str, str, Manifest]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if not bucket or not key.endswith(SUFFIX):
        raise steps.Failed(f"{location} is no BUCKET/NAME{SUFFIX}", "name the manifest")
    return bucket, key, _parsed(buckettransfers.read(layout, (bucket, key)))


def _parsed(data: bytes) -> Manifest:
    try:
        return bundles.parse(data)
    except NotABundle as error:
        raise steps.Failed(str(error), "name the manifest of a bundle") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise steps.Failed(f"{path} cannot be read: {error.strerror}", "is it there?") from error
