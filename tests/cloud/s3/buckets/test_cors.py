"""A page of another origin reads what a rule lets it read, and nothing else."""

from typing import Any

import pytest

from mallee.aws.errors import s3
from mallee.cloud.s3.buckets import cors
from tests.cloud.s3.desk import Desk

RULES: list[dict[str, Any]] = [
    {
        "AllowedMethods": ["PUT"],
        "AllowedOrigins": ["https://*.example.org"],
        "AllowedHeaders": ["x-amz-*", "Content-Type"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 60,
    },
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},
]


def asking(origin: str, method: str, headers: str = "") -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": headers,
    }


async def test_the_first_rule_that_fits_speaks(desk: Desk) -> None:
    view = desk.store.view
    with pytest.raises(s3.NoSuchCORSConfiguration):
        await desk.ask("GetBucketCors", Bucket="bbb")
    with pytest.raises(s3.AccessForbidden):
        cors.preflight(view, "bbb", asking("https://a.example.org", "GET"))
    await desk.ask("PutBucketCors", Bucket="bbb", CORSConfiguration={"CORSRules": RULES})
    assert (await desk.ask("GetBucketCors", Bucket="bbb"))["CORSRules"] == RULES
    wanted = asking("https://a.example.org", "PUT", "X-Amz-Date, content-type")
    found = cors.preflight(view, "bbb", wanted)
    assert found["Access-Control-Allow-Origin"] == "https://a.example.org"
    assert found["Access-Control-Allow-Headers"] == "x-amz-date, content-type"
    assert found["Access-Control-Max-Age"] == "60"
    for refused in (
        asking("https://example.org", "PUT"),
        asking("https://a.example.com", "PUT"),
        asking("https://a.example.org", "PUT", "authorization"),
        asking("https://a.example.org", "DELETE"),
    ):
        with pytest.raises(s3.AccessForbidden):
            cors.preflight(view, "bbb", refused)
    anybody = cors.headers_of(view, "bbb", "GET", {"origin": "http://any"})
    assert anybody["Access-Control-Allow-Origin"] == "*"
    assert cors.headers_of(view, "bbb", "PUT", {"origin": "http://any"}) == {}
    assert cors.headers_of(view, "bbb", "GET", {}) == {}
    await desk.ask("DeleteBucketCors", Bucket="bbb")
    assert cors.headers_of(view, "bbb", "GET", {"origin": "http://any"}) == {}


async def test_a_stranger_who_asks_is_answered_at_once(desk: Desk) -> None:
    """However many headers he asks for, and however many patterns the owner has for them."""
    patterns = [f"x{number}-*" for number in range(cors.TEXTS_MAX - 3)]
    rule = {**RULES[1], "AllowedHeaders": [*patterns, "*"]}
    many = {**rule, "AllowedHeaders": [*patterns, "*", "one-more"]}
    with pytest.raises(s3.InvalidRequest, match="2000"):
        await desk.ask("PutBucketCors", Bucket="bbb", CORSConfiguration={"CORSRules": [many]})
    await desk.ask("PutBucketCors", Bucket="bbb", CORSConfiguration={"CORSRules": [rule]})
    few = ",".join(f"h{number}" for number in range(cors.ASKED_MAX))
    found = cors.preflight(desk.store.view, "bbb", asking("http://any", "GET", few))
    assert len(found["Access-Control-Allow-Headers"].split(", ")) == cors.ASKED_MAX
    with pytest.raises(s3.AccessForbidden):
        cors.preflight(desk.store.view, "bbb", asking("http://any", "GET", f"{few},h"))


@pytest.mark.parametrize(
    "rule",
    [
        {"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]},
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["*.*"]},
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*-*"]},
        {
            "AllowedMethods": ["GET"],
            "AllowedOrigins": ["*"],
            "ExposeHeaders": ["a\r\nSet-Cookie: b"],
        },
    ],
)
async def test_a_rule_that_means_nothing_is_refused(desk: Desk, rule: dict[str, Any]) -> None:
    with pytest.raises(s3.InvalidRequest):
        await desk.ask("PutBucketCors", Bucket="bbb", CORSConfiguration={"CORSRules": [rule]})
