"""Has this front end serve S3 from a copy of another's objects: `mallee buckets restore`.

For when the machine with the objects is lost, and a copy of its directory is not. The one that is
lost is removed first, which is refused while it is there; from that moment it answers nothing of
S3's any more, should it live after all (`cloud.s3.serving.fencing`). The copy is copied once more,
beside what is here, while the cloud goes on; then this machine is taken down, the objects change
places with what lay there, the settings say that they are here, and the index is compared with the
files. Each step may be done again; the copy itself is only read.
Not its business: what the copy lacks, which the comparison names.
"""

import contextlib
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from mallee.box import client, down, objects, owners, settingshistory, status, steps, up
from mallee.kit import files, process
from mallee.model.configuration import settings
from mallee.model.configuration.settings import Objects
from mallee.model.layout import Layout
from mallee.walrus import terms

COPY_S_MAX = 7 * 86400.0
LEFT_OUT = frozenset({"index.db", "index.db-wal", "index.db-shm", "terms", "term", "store"})
"""The index is put together by itself; what belongs to machines that shared the copy stays there.
"""
_SPARE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be restored."""

    copy: Path
    """A copy of a directory of objects."""
    repairs: bool
    """Whether what the comparison finds is set right, as far as it can be without loss."""


def plan(layout: Layout, wish: Wish) -> tuple[steps.Step, ...]:
    """Return the steps."""
    return (
        steps.Step("See that nobody else has the objects", lambda say: _check_alone(layout)),
        steps.Step("Look at the copy", lambda say: _check_copy(wish.copy)),
        steps.Step("Copy it beside what is here", lambda say: _copy(layout, wish.copy)),
        *down.daemon_steps(layout),
        steps.Step("Have the objects be here", lambda say: _take(layout)),
        steps.Step("Compare index and files", lambda say: _compare(layout, wish)),
        *up.start_steps(layout),
    )


def _check_alone(layout: Layout) -> str:
    held = owners.read_settings(layout)
    if held.objects.engine == "local" and (layout.objects / _mark).exists():
        return "they are here since an earlier try"
    if held.objects.engine != "elsewhere":
        raise steps.Failed(
            f'this front end has objects of its own (engine = "{held.objects.engine}")',
            "restore them on one that has none; to go back to a copy here: docs/walrus.md",
        )
    if status.find(layout, "cloud") is None:
        raise steps.Failed("the cloud here cannot say who has the objects", "mallee up")
    try:
        access = client.read_access(layout, held)
        found = client.call(access, "mallee", "DescribeFrontEnds")["FrontEnds"]
    except (client.Unreachable, client.Refused) as error:
        raise steps.Failed(f"the cloud cannot say who has the objects: {error}", "") from error
    for one in found:
        if one["ServesObjects"]:
            raise steps.Failed(
                f"the front end {one['Name']} ({one['FrontEndId']}) has the objects, and may live",
                "start it; if its machine is gone for good: mallee frontends remove "
                f"{one['FrontEndId']}, and again",
            )
    return "no front end of this cloud has them"


def _check_copy(copy: Path) -> str:
    missing = [name for name in ("packs", "files") if not (copy / name).is_dir()]
    index = _index(copy)
    if missing or index is None:
        lacks = ", ".join((*missing, *(() if index else ("index.db",))))
        raise steps.Failed(
            f"{copy} is no copy of a directory of objects: it has no {lacks}",
            "name the copy of `objects` below the root directory, or of objects.directory",
        )
    if index.name != "index.db":
        return f"its index is {index.name}: as of a day before at most"
    return f"its index is {index.relative_to(copy)}"


def _index(copy: Path) -> Path | None:
    """Return the newest index of a copy; None: it has none."""
    with contextlib.suppress(OSError, ValueError):
        found = terms.find(copy).index
        if found.exists():
            return found
    kept = copy / "index.copy"
    return kept if kept.exists() else None


def _copy(layout: Layout, copy: Path) -> str:
    target = _coming(layout)
    if (layout.objects / _mark).exists():
        return "it was copied before"
    size = sum(path.lstat().st_size for path in copy.rglob("*") if path.is_file())
    free = shutil.disk_usage(layout.root).free
    if free < size + _SPARE_BYTES:
        raise steps.Failed(
            f"{size >> 20} MiB are to be copied, and {free >> 20} MiB are free", "make room"
        )
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=0o700)
    for path in sorted(copy.iterdir()):
        if path.name not in LEFT_OUT:
            _bring(path, target / path.name)
    index = _index(copy)
    assert index is not None
    _bring(index, target / "index.db")
    log = index.with_name(f"{index.name}-wal")
    if log.exists():
        _bring(log, target / "index.db-wal")
    _give(target)
    files.write_atomically(target / _mark, b"")
    process.run(["sync", "--file-system", str(target)], timeout_s=COPY_S_MAX)
    return f"{size >> 20} MiB"


def _bring(source: Path, target: Path) -> None:
    # No link is followed, and nothing is shared with the copy but by a file system that can.
    line = ["cp", "--recursive", "--no-dereference", "--preserve=mode,timestamps"]
    process.run([*line, "--reflink=auto", str(source), str(target)], timeout_s=COPY_S_MAX)


def _give(target: Path) -> None:
    owner = pwd.getpwnam(owners.CLOUD_USER)
    for path in (target, *target.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def _take(layout: Layout) -> str:
    """Have the copy be the objects, and the settings say so; doing it twice is once."""
    coming = _coming(layout)
    kept = ""
    if coming.exists():
        if layout.objects.exists():
            former = layout.objects.rename(_free_name(layout))
            kept = f"; what lay there is {former} now"
        coming.rename(layout.objects)
        files.sync_directory(layout.root)
    held = owners.read_settings(layout)
    if held.objects.engine == "local":
        return f"they are{kept}"
    settingshistory.note_current(layout)
    here = replace(held, objects=Objects(processes=held.objects.processes))
    asked = settingshistory.Asked("have the objects here")
    text = settings.encode(here)
    entry = settingshistory.add(layout, text, asked, settingshistory.HOLDS)
    settingshistory.put(layout, entry.number)
    return f"settings {entry.number} hold{kept}"


def _compare(layout: Layout, wish: Wish) -> str:
    found = objects.check(layout, repairs=wish.repairs)
    if found.index:
        raise steps.Failed(
            f"the index of the copy is damaged: {'; '.join(found.index)}",
            f"take another copy; or its index.copy as index.db in {layout.objects}, then: "
            "mallee buckets check, mallee up",
        )
    (layout.objects / _mark).unlink(missing_ok=True)
    return "; ".join((_told_losses(found), *_told_faults(found, wish)))


def _told_losses(found: objects.Findings) -> str:
    lost = [f"{one.bucket}/{one.key}" for one in found.losers]
    if not lost:
        return "the bytes of all objects are there"
    return f"bytes are missing of {len(lost)}: {', '.join(lost[:10])}{' …' if lost[10:] else ''}"


def _told_faults(found: objects.Findings, wish: Wish) -> tuple[str, ...]:
    counts, nobodys = len(found.references) + len(found.usages), len(found.orphans)
    if not counts + nobodys:
        return ()
    done = "set right" if wish.repairs else "mallee down && mallee buckets check --repair"
    return (f"wrong counts {counts}, files that no object refers to {nobodys}: {done}",)


_mark = "restored"
"""A file that says that the objects are a copy which was not compared yet."""


def _coming(layout: Layout) -> Path:
    return layout.root / "objects.coming"


def _free_name(layout: Layout) -> Path:
    number = 1
    while (layout.root / f"objects.former-{number}").exists():
        number += 1
    return layout.root / f"objects.former-{number}"
