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
