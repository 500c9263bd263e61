"""What was decided on is what is read, also when another object comes to its place meanwhile."""

from typing import Any

import pytest

from mallee.aws.errors import s3
from mallee.cloud import http
from mallee.cloud.call import NOBODY, Call
from mallee.cloud.identity import authorize
from mallee.cloud.identity.question import Question
from mallee.cloud.s3.access import deciding
from mallee.cloud.s3.objects import sight
from mallee.model.configuration import settings
from mallee.walrus.errors import Gone
from tests.cloud.s3.desk import BOX, ROWS, Desk
from tests.handclock import NOW

K: dict[str, Any] = {"Bucket": "open", "Key": "k"}


@pytest.fixture(autouse=True)
async def bucket(desk: Desk) -> None:
    """A bucket in which lists count, and a public object in it."""
    await desk.ask("CreateBucket", Bucket="open", ObjectOwnership="ObjectWriter")
    await desk.ask("DeletePublicAccessBlock", Bucket="open")
    await desk.put("k", b"public", "open", ACL="public-read")


def _may_read(desk: Desk, seen: sight.Sight) -> bool:
    call = Call(
        principal=NOBODY,
        action="GetObject",
        request_id="r",
        now=NOW,
        settings=settings.Settings(),
        view=desk.store.view,
    )
    head = http.Request(method="GET", path="", query="", headers={}, body=b"", peer="")
    question = Question(call=call, row=ROWS["GetObject"], http=head, asked=K)
    court = deciding.Court(authorize.judge(desk.store.view, BOX), seen)
    return (
        deciding.decide(court, question, (("s3:GetObject", "arn:aws:s3:::open/k"),)).refusal is None
    )


async def test_an_object_that_came_meanwhile_is_not_read(desk: Desk) -> None:
    desk.seen = seen = sight.Sight(desk.engine.reader)
    assert _may_read(desk, seen)
    await desk.put("k", b"private", "open")
    with pytest.raises(Gone):
        await desk.get("k", "open")
    seen.forget()
    assert not _may_read(desk, seen)
    assert (await desk.get("k", "open")).body == b"private"


async def test_a_version_that_was_decided_on_is_the_one_that_is_read(desk: Desk) -> None:
    enabled = {"Status": "Enabled"}
    await desk.ask("PutBucketVersioning", Bucket="open", VersioningConfiguration=enabled)
    desk.seen = seen = sight.Sight(desk.engine.reader)
    assert _may_read(desk, seen)
    await desk.put("k", b"private", "open")
    assert (await desk.get("k", "open")).body == b"public"


async def test_a_copy_of_what_came_meanwhile_takes_a_right_to_read_that(desk: Desk) -> None:
    desk.seen = sight.Sight(desk.engine.reader)
    assert _may_read(desk, desk.seen)
    await desk.put("k", b"private", "open")
    copied = {"Bucket": "bbb", "Key": "copy", "CopySource": "open/k"}
    await desk.ask("CopyObject", **copied)
    assert (await desk.get("copy")).body == b"private"
    desk.forbidden = {"s3:GetObject"}
    with pytest.raises(s3.AccessDenied):
        await desk.ask("CopyObject", **copied)


async def test_a_list_is_given_to_the_object_that_was_decided_on_or_to_none(desk: Desk) -> None:
    desk.forbidden = {"s3:PutObjectAcl"}
    with pytest.raises(s3.AccessDenied):
        await desk.ask("PutObjectAcl", **K, ACL="private")
    assert len((await desk.ask("GetObjectAcl", **K))["Grants"]) == 2
