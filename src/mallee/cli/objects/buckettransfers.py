"""Files of the command's user into buckets and out of them, by his own key, in parts.

Called by `imagefiles` and `imagebundles`. Not its business: what the files are.
"""

# botocore has no types of its own.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.session

from mallee.box import steps
from mallee.cli import client
from mallee.model.layout import Layout

PART_BYTES = 16 << 20
PARTS_MAX = 9_000
_CHUNK_BYTES = 1 << 20

Place = tuple[str, str]
"""A bucket and a key."""
Say = Callable[[str], None]


def s3(layout: Layout) -> Any:
    """Return a client of S3 with the administrator's key."""
    found = client.access(layout)
    session = botocore.session.get_session()
    config = botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3})
    return session.create_client(
        "s3",
        region_name=found.region,
        endpoint_url=found.endpoint,
        aws_access_key_id=found.access_key_id,
        aws_secret_access_key=found.secret_access_key,
        config=config,
    )


def own_bucket(layout: Layout) -> str:
    """Return the name of the bucket that files of images pass through."""
    return f"mallee-images-{client.access(layout).account_id}"


def ensure_bucket(layout: Layout, bucket: str) -> None:
    """Make a bucket of the account's unless it is there; raise `steps.Failed`."""
    objects = s3(layout)
    try:
        objects.head_bucket(Bucket=bucket)
    except botocore.exceptions.ClientError:
        _tried(lambda: objects.create_bucket(Bucket=bucket))


def send(layout: Layout, place: Place, file: Path, say: Say) -> int:
    """Bring a file into a bucket; return its size. Raises `steps.Failed`."""
    ensure_bucket(layout, place[0])
    return _tried(lambda: _send(s3(layout), place, file, say))


def _send(objects: Any, place: Place, file: Path, say: Say) -> int:
    named = {"Bucket": place[0], "Key": place[1]}
    size = file.stat().st_size
    if size <= PART_BYTES:
        objects.put_object(**named, Body=file.read_bytes())
        return size
    part_bytes = max(PART_BYTES, -(-size // PARTS_MAX))
    upload = objects.create_multipart_upload(**named)["UploadId"]
    parts: list[dict[str, Any]] = []
    with contextlib.ExitStack() as undo, file.open("rb") as opened:
        undo.callback(lambda: objects.abort_multipart_upload(**named, UploadId=upload))
        while piece := opened.read(part_bytes):
            number = len(parts) + 1
            answer = objects.upload_part(**named, UploadId=upload, PartNumber=number, Body=piece)
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            say(f"{min(100, 100 * number * part_bytes // size)} %")
        objects.complete_multipart_upload(
            **named, UploadId=upload, MultipartUpload={"Parts": parts}
        )
        undo.pop_all()
    return size


def fetch(layout: Layout, place: Place, file: Path, say: Say) -> int:
    """Write an object into a new file; return its size. Raises `steps.Failed`."""

    def get() -> int:
        answer = s3(layout).get_object(Bucket=place[0], Key=place[1])
        done, size = 0, max(1, answer["ContentLength"])
        with file.open("xb") as opened:
            for piece in answer["Body"].iter_chunks(_CHUNK_BYTES):
                opened.write(piece)
                done += len(piece)
                say(f"{100 * done // size} %")
        return done

    return _tried(get)


def read(layout: Layout, place: Place) -> bytes:
    """Return a small object. Raises `steps.Failed`."""
    return _tried(lambda: s3(layout).get_object(Bucket=place[0], Key=place[1])["Body"].read())


def delete(layout: Layout, place: Place) -> None:
    """Delete an object. Raises `steps.Failed`."""
    _tried(lambda: s3(layout).delete_object(Bucket=place[0], Key=place[1]))


def _tried(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (
        botocore.exceptions.ClientError,
        botocore.exceptions.BotoCoreError,
        OSError,
    ) as error:
        raise steps.Failed(str(error), "`mallee status`; is there room, and may you?") from error
