"""Registers the catalogue's images: each document's images become those of the first account.

An image is the same image as long as its name and blob are. When a document brings another blob
under a name, the image before is deregistered: nobody can launch it any more, its record stays as
long as instances came from it. A recipe's document goes when its image is deregistered. Who writes
the documents, and the blobs, is `mallee.images`.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.images import catalogue
from mallee.model.images.catalogue import Catalogue, CatalogueImage
from mallee.model.images.images import EBS, INSTANCE_STORE, Image
from mallee.model.layout import Layout

EVERY_S = 0.5
DEREGISTERED = "deregistered"

_PREFIXES = {"machine": "ami", "kernel": "aki", "ramdisk": "ari"}
_SWEEP = "deregistered images"
_LOCATION = "catalogue/"

Entropy = Callable[[int], bytes]
ImageRecord = Record[Image, None]


def reconciler(store: store.Store, layout: Layout, entropy: Entropy) -> Reconciler:
    """Return the reconciler; its keys are documents that changed since they were settled."""
    settled: dict[str, tuple[int, int]] = {}

    def keys() -> tuple[str, ...]:
        paths = sorted(layout.catalogue.glob("*.json"))
        due = [str(path) for path in paths if settled.get(str(path)) != _stamp(path)]
        unused = any(is_unused(store.view, image) for image in store.view.list(records.IMAGE))
        is_dirty = unused or bool(forgotten(store.view, layout))
        return (*due, *((_SWEEP,) if is_dirty else ()))

    async def settle(key: str) -> None:
        if key == _SWEEP:
            # Documents first: with its record, an image would forget that nobody wants it.
            for path in forgotten(store.view, layout):
                path.unlink(missing_ok=True)
            await store.run(sweep)
            return
        if not Path(key).exists():
            return
        stamp = _stamp(Path(key))
        document = catalogue.decode(Path(key).read_bytes())
        if await store.run(lambda tx: register(tx, document, entropy)) and stamp is not None:
            settled[key] = stamp

    return Reconciler(
        name="images",
        keys=keys,
        settle=settle,
        every_s=EVERY_S,
        waits_for_change=False,
        is_local=True,
    )


def register(tx: store.Tx, document: Catalogue, entropy: Entropy) -> bool:
    """Bring the images in line with a document; tell whether there was an account to own them."""
    admins = [account for account in tx.list(records.ACCOUNT) if account.doc.is_cloud_admin]
    if not admins:
        return False
    owner = min(admins, key=lambda account: (account.doc.created_at, account.id)).id
    id_by_key: dict[str, str] = {}
    for offered in document.images:
        present = _registered(tx, owner, offered)
        id = present.id if present else ids.make(_PREFIXES[offered.kind], entropy(ids.ID_BYTES))
        image = _image(document, offered, id_by_key, (id, tx.now))
        if present is None:
            tx.insert(records.IMAGE, owner, id, image)
        else:
            tx.write(present, _renewed(present.doc, image))
        id_by_key[offered.key] = id
        _deregister_others(tx, owner, offered.name, id)
    return True


def forgotten(view: store.View, layout: Layout) -> tuple[Path, ...]:
    """Return the recipes' documents whose image its owner has deregistered."""
    found: list[Path] = []
    for image in view.list(records.IMAGE):
        name = image.doc.location.removeprefix(_LOCATION).partition("/")[0]
        if image.doc.state != DEREGISTERED or not name.startswith(catalogue.RECIPE):
            continue
        path = catalogue.document_path(layout, name)
        if image.doc.blob is not None and _offers(path, image.doc.blob.sha256):
            found.append(path)
    return tuple(found)


def _offers(path: Path, sha256: str) -> bool:
    try:
        document = catalogue.decode(path.read_bytes())
    except FileNotFoundError:
        return False
    return any(offered.blob.sha256 == sha256 for offered in document.images)


def sweep(tx: store.Tx) -> None:
    """Remove the records of deregistered images that nothing came from."""
    for image in tx.list(records.IMAGE):
        if is_unused(tx, image):
            tx.delete(image)


def is_unused(view: store.View | store.Tx, image: ImageRecord) -> bool:
    """Tell whether an image is deregistered and no instance needs its record."""
    if image.doc.state != DEREGISTERED:
        return False
    if image.doc.kind == "machine":
        return not view.by(records.INSTANCE, "image", image.id)
    named_by_images = (
        image.id in (other.doc.kernel_id, other.doc.ramdisk_id)
        for other in view.list(records.IMAGE)
    )
    named_by_instances = (
        image.id in (other.doc.kernel_id, other.doc.ramdisk_id)
        for other in view.list(records.INSTANCE)
    )
    return not any(named_by_images) and not any(named_by_instances)


def _registered(tx: store.Tx, owner: str, offered: CatalogueImage) -> ImageRecord | None:
    for image in tx.by(records.IMAGE, "blob", offered.blob.sha256):
        same = (image.account, image.doc.name, image.doc.kind) == (
            owner,
            offered.name,
            offered.kind,
        )
        if same:
            return image
    return None


def _image(
    document: Catalogue,
    offered: CatalogueImage,
    id_by_key: dict[str, str],
    birth: tuple[str, float],
) -> Image:
    id, created_at = birth
    return Image(
        id=id,
        name=offered.name,
        description=offered.description,
        kind=offered.kind,
        location=f"{_LOCATION}{document.name}/{offered.key}",
        architecture=offered.architecture,
        is_public=offered.is_public,
        blob=offered.blob,
        disk_gib=offered.disk_gib,
        direct_boot=offered.direct_boot,
        kernel_id=id_by_key[offered.kernel] if offered.kernel else None,
        ramdisk_id=id_by_key[offered.ramdisk] if offered.ramdisk else None,
        is_root_file_system=offered.is_root_file_system,
        root_device_type=INSTANCE_STORE if offered.is_root_file_system else EBS,
        created_at=created_at,
        tags=offered.tags,
    )


def _renewed(present: Image, offered: Image) -> Image:
    """Return an image with what its document says of it; what its owner has said of it stays."""
    anew = {
        name: getattr(offered, name)
        for name in (
            "architecture",
            "blob",
            "direct_boot",
            "disk_gib",
            "is_root_file_system",
            "kernel_id",
            "location",
            "ramdisk_id",
            "root_device_type",
        )
    }
    if present.state == DEREGISTERED:
        anew |= {"is_public": offered.is_public, "state": offered.state}
    return replace(present, **anew)


def _deregister_others(tx: store.Tx, owner: str, name: str, id: str) -> None:
    for image in tx.by(records.IMAGE, "name", name):
        ours = image.account == owner and image.doc.location.startswith(_LOCATION)
        if ours and image.id != id and image.doc.state != DEREGISTERED:
            tx.write(image, replace(image.doc, state=DEREGISTERED, is_public=False))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino
