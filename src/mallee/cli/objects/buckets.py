"""`mallee buckets`: what they hold, if it is right, and what to do where it is not."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from mallee.box import objects, objectsrestore, steps
from mallee.cli import client, progress, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def list_buckets(account: str | None = None, *, root: Root = DEFAULT) -> None:
    """Show the buckets of all accounts with what they hold.

    Parameters
    ----------
    account
        Name or id of the account whose buckets are shown.
    """
    words.table(
        ("bucket", "account", "versions", "size", "parts", "quota", "versioned", "sealed", "made"),
        [
            (
                each["BucketName"],
                each["AccountName"],
                str(each["Versions"]),
                _size(each["Bytes"]),
                _size(each["PartBytes"]),
                _quota(each),
                each["Versioning"],
                "yes" if each["IsEncrypted"] else "no",
                str(each["CreatedAt"]),
            )
            for each in _buckets(root, account)
        ],
    )


def usage(*, root: Root = DEFAULT) -> None:
    """Show what each account's buckets hold together, those that hold most first."""
    held: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for each in _buckets(root, None):
        total = held[each["AccountName"]]
        total[0] += 1
        total[1] += each["Versions"]
        total[2] += each["Bytes"]
        total[3] += each["PartBytes"]
    words.table(
        ("account", "buckets", "versions", "size", "parts of uploads"),
        [
            (name, str(buckets), str(versions), _size(size), _size(parts))
            for name, (buckets, versions, size, parts) in sorted(
                held.items(), key=lambda item: -item[1][2]
            )
        ],
    )


def quota(
    bucket: str,
    *,
    bytes: int | None = None,
    objects: int | None = None,
    none: bool = False,
    root: Root = DEFAULT,
) -> None:
    """Show the most that a bucket may hold, after setting what is given.

    Parameters
    ----------
    bucket
        Name of the bucket.
    bytes
        Of all versions, and of parts of uploads under way.
    objects
        Versions, former ones and delete markers included.
    none
        Take both away first.
    """
    about = _bucket(root, bucket)
    given = {"Bytes": bytes, "Objects": objects}
    if none or any(most is not None for most in given.values()):
        kept = {} if none else {name: about.get(f"{name}Quota") for name in given}
        wanted = {**kept, **{name: most for name, most in given.items() if most is not None}}
        limits = {name: most for name, most in wanted.items() if most is not None}
        client.call(Layout(root), _SERVICE, "PutBucketQuota", {"BucketName": bucket, **limits})
        about = _bucket(root, bucket)
    words.give(_quota(about) or "none")


def scrub(*, root: Root = DEFAULT) -> None:
    """Read everything that is stored, and find what is not what was stored any more."""
    made = client.call(Layout(root), _SERVICE, "StartScrub")["Scrub"]
    words.tell(f"{made['ScrubId']} is {made['State']}; see what it finds: mallee buckets status")


def status(*, root: Root = DEFAULT) -> None:
    """Show the scrubs, and which objects they found damaged."""
    found: list[dict[str, Any]] = client.call(Layout(root), _SERVICE, "DescribeScrubs")["Scrubs"]
    words.table(
        ("scrub", "state", "asked for", "read", "damaged"),
        [
            (
                each["ScrubId"],
                each["State"],
                str(each["RequestedAt"]),
                _size(each["Bytes"]) if "Bytes" in each else "",
                str(each.get("Damaged", "")),
            )
            for each in found
        ],
    )
    ended = [each for each in found if each["State"] == "ended"]
    for lost in ended[0]["LostObjects"] if ended else ():
        words.tell(f"damaged: {lost['BucketName']}/{lost['Key']} version {lost['VersionId']}")


def check(*, root: Root = DEFAULT, repair: bool = False) -> None:
    """Compare the index of all objects with the files, while the cloud is down.

    Parameters
    ----------
    repair
        Set counts right, and remove files that no object refers to.
    """
    found = objects.check(Layout(root), repairs=repair)
    if found.index:
        raise steps.Failed(
            f"the index of objects is damaged: {'; '.join(found.index)}",
            "restore it from a backup: docs/walrus.md",
        )
    words.table(
        ("of index and files", "how many"),
        [
            ("counts of references that are wrong", str(len(found.references))),
            ("buckets whose usage is wrong", str(len(found.usages))),
            ("files that no object refers to", str(len(found.orphans))),
            ("runs of bytes whose file is gone", str(len(found.missing))),
            ("runs of bytes that the index does not know", str(len(found.dangling))),
        ],
    )
    for lost in found.losers:
        words.tell(f"lost: {lost.bucket}/{lost.key} version {lost.version}")
    if not found.are_harmless:
        raise steps.Failed("bytes of some objects are gone", "delete them, or store them again")


def restore(copy: Path, *, repair: bool = False, root: Root = DEFAULT) -> None:
    """Serve S3 here from a copy of the objects of a front end whose machine is lost.

    Remove that front end first; while it may live this is refused. The copy is only read.

    Parameters
    ----------
    copy
        A copy of its directory of objects.
    repair
        Set counts right, and remove files that no object refers to.
    """
    wish = objectsrestore.Wish(copy.resolve(), repair)
    progress.run(objectsrestore.plan(Layout(root), wish))


def _buckets(root: Root, account: str | None) -> list[dict[str, Any]]:
    asked = {"AccountName": account} if account else {}
    found: list[dict[str, Any]] = client.call(Layout(root), _SERVICE, "DescribeBuckets", asked)[
        "Buckets"
    ]
    return found


def _bucket(root: Root, name: str) -> dict[str, Any]:
    for one in _buckets(root, None):
        if one["BucketName"] == name:
            return one
    raise steps.Failed(f"there is no bucket {name}", "`mallee buckets list` names them all")


def _quota(bucket: dict[str, Any]) -> str:
    limits = [_size(bucket["BytesQuota"])] if "BytesQuota" in bucket else []
    if "ObjectsQuota" in bucket:
        limits.append(f"{bucket['ObjectsQuota']} objects")
    return ", ".join(limits)


def _size(size: int) -> str:
    """Return a number of bytes as people read it."""
    amount, unit = float(size), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"
