"""Buckets as websites: what a browser gets, over real sockets, by the name of the host."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mallee.cloud.s3.buckets import sites
from tests.cloud.s3 import running
from tests.cloud.s3.running import RunningS3

DOMAIN = "s3-website.us-east-1.cloud.example"
SITE: dict[str, Any] = {
    "IndexDocument": {"Suffix": "index.html"},
    "ErrorDocument": {"Key": "error.html"},
}
LARGE = os.urandom(300_000)


@dataclass(frozen=True)
class Page:
    """What a browser got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def location(self) -> str:
        """Where it is sent."""
        return self.headers.get("location", "")


@dataclass(frozen=True)
class Web:
    """A cloud with a website in a bucket `www`."""

    cloud: RunningS3
    s3: Any

    def get(self, path: str, bucket: str = "www", method: str = "GET", **headers: str) -> Page:
        """Ask as a browser does."""
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.port, timeout=120)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        host = f"{bucket}.{DOMAIN}:{self.cloud.port}"
        try:
            connection.request(method, path, headers={"Host": host, **named})
            answer = connection.getresponse()
            lowered = {name.lower(): text for name, text in answer.getheaders()}
            return Page(answer.status, lowered, answer.read())
        finally:
            connection.close()

    def put(self, key: str, body: bytes, **more: Any) -> None:
        """Put a page."""
        self.s3.put_object(Bucket="www", Key=key, Body=body, ContentType="text/html", **more)

    def set(self, *rules: dict[str, Any], **site: Any) -> None:
        """Configure the website."""
        wanted = {**SITE, **site}
        if rules:
            wanted["RoutingRules"] = list(rules)
        self.s3.put_bucket_website(Bucket="www", WebsiteConfiguration=wanted)

    def open(self, *actions: str) -> None:
        """Let everybody do something with the pages."""
        named = {"s3:ListBucket": "arn:aws:s3:::www"}
        statements = [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": action,
                "Resource": named.get(action, "arn:aws:s3:::www/*"),
            }
            for action in actions
        ]
        document = {"Version": "2012-10-17", "Statement": statements}
        self.s3.put_bucket_policy(Bucket="www", Policy=json.dumps(document))


@pytest.fixture(scope="module")
def served() -> Iterator[Web]:
    with running.fresh() as cloud:
        client = cloud.s3()
        client.create_bucket(Bucket="www")
        client.delete_public_access_block(Bucket="www")
        yield Web(cloud, client)


@pytest.fixture
def web(served: Web) -> Web:
    """The website, with a page at its root and one in a folder, open to everybody."""
    for one in served.s3.list_objects_v2(Bucket="www").get("Contents", []):
        served.s3.delete_object(Bucket="www", Key=one["Key"])
    served.put("index.html", b"root")
    served.put("folder/index.html", b"folder")
    served.put("error.html", b"oh no")
    served.put("a page", b"a page")
    served.set()
    served.open("s3:GetObject", "s3:ListBucket")
    return served


def test_pages_and_folders_are_shown(web: Web) -> None:
    for path, body in (
        ("/", b"root"),
        ("/index.html", b"root"),
        ("/folder/", b"folder"),
        ("/a%20page", b"a page"),
        ("/?list-type=2&policy", b"root"),
    ):
        page = web.get(path)
        assert (page.status, page.body) == (200, body), path
        assert page.headers["content-type"] == "text/html"
    head = web.get("/", method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "4")


def test_a_folder_without_its_slash_is_found(web: Web) -> None:
    page = web.get("/folder")
    assert (page.status, page.location, page.body) == (302, "/folder/", b"")
    web.put("/evil.example/index.html", b"")
    assert web.get("//evil.example").location.startswith("http://www.s3-website.")


def test_large_pages_ranges_and_conditions(web: Web) -> None:
    web.put("large", LARGE)
    page = web.get("/large")
    assert page.body == LARGE
    assert web.get("/large", Range="bytes=5-9").body == LARGE[5:10]
    unchanged = web.get("/large", If_None_Match=page.headers["etag"])
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert web.get("/large", If_Match='"other"').status == 412


def test_what_is_not_there_is_404_to_who_may_list_and_else_403(web: Web) -> None:
    page = web.get("/gone")
    assert (page.status, page.body) == (404, b"oh no")
    assert page.headers["x-amz-error-code"] == "NoSuchKey"
    assert page.headers["content-type"] == "text/html"
    web.open("s3:GetObject")
    page = web.get("/gone")
    assert (page.status, page.body) == (403, b"oh no")
    assert page.headers["x-amz-error-code"] == "AccessDenied"


def test_errors_are_pages_that_repeat_nothing_as_markup(web: Web) -> None:
    web.s3.put_bucket_website(
        Bucket="www", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}}
    )
    page = web.get("/%3Cscript%3Ealert(1)%3C/script%3E")
    assert page.status == 404
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<h1>404 Not Found</h1>" in page.body
    assert b"<li>Code: NoSuchKey</li>" in page.body
    assert b"&lt;script&gt;" in page.body
    assert b"<script>" not in page.body
    assert web.get("/gone", method="HEAD").body == b""


def test_an_error_document_that_is_gone_is_told_of(web: Web) -> None:
    web.s3.delete_object(Bucket="www", Key="error.html")
    page = web.get("/gone")
    assert page.status == 404
    assert b"An Error Occurred While Attempting to Retrieve a Custom Error Document" in page.body
    assert b"<li>Key: error.html</li>" in page.body


def test_nobody_is_shown_what_not_everybody_may_read(web: Web) -> None:
    web.s3.delete_bucket_policy(Bucket="www")
    for path in ("/", "/folder", "/gone", "/index.html"):
        page = web.get(path)
        assert page.status == 403, path
        assert b"root" not in page.body
        assert page.location == ""
    signed = web.s3.generate_presigned_url("get_object", {"Bucket": "www", "Key": "index.html"})
    assert web.get("/index.html?" + signed.partition("?")[2]).status == 403


def test_pages_are_open_by_their_lists_too(web: Web) -> None:
    web.s3.delete_bucket_policy(Bucket="www")
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    web.s3.put_bucket_ownership_controls(Bucket="www", OwnershipControls=rules)
    web.s3.put_object_acl(Bucket="www", Key="index.html", ACL="public-read")
    assert web.get("/").body == b"root"
    assert web.get("/folder/").status == 403
    block = {"IgnorePublicAcls": True}
    web.s3.put_public_access_block(Bucket="www", PublicAccessBlockConfiguration=block)
    assert web.get("/").status == 403
    web.s3.delete_public_access_block(Bucket="www")
    assert web.get("/").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_website_is_only_looked_at(web: Web, method: str) -> None:
    page = web.get("/index.html", method=method)
    assert (page.status, page.headers["x-amz-error-code"]) == (405, "MethodNotAllowed")
    assert web.get("/").body == b"root"


def test_what_is_no_website_is_told_apart(web: Web) -> None:
    web.s3.create_bucket(Bucket="plain")
    for bucket, code in (("plain", "NoSuchWebsiteConfiguration"), ("none", "NoSuchBucket")):
        page = web.get("/", bucket)
        assert (page.status, page.headers["x-amz-error-code"]) == (404, code)


def test_an_object_may_be_elsewhere(web: Web) -> None:
    web.put("moved", LARGE, WebsiteRedirectLocation="/a%20page")
    page = web.get("/moved")
    assert (page.status, page.location, page.body) == (301, "/a%20page", b"")
    got = web.s3.get_object(Bucket="www", Key="moved")
    assert got["WebsiteRedirectLocation"] == "/a%20page"


def test_all_requests_are_sent_on(web: Web) -> None:
    for all_to, expected in (
        ({"HostName": "new.example"}, "http://new.example/x%20y"),
        ({"HostName": "new.example", "Protocol": "https"}, "https://new.example/x%20y"),
    ):
        wanted = {"RedirectAllRequestsTo": all_to}
        web.s3.put_bucket_website(Bucket="www", WebsiteConfiguration=wanted)
        page = web.get("/x%20y")
        assert (page.status, page.location) == (301, expected)


def test_rules_send_browsers_on(web: Web) -> None:
    web.set(
        {
            "Condition": {"KeyPrefixEquals": "docs/"},
            "Redirect": {"ReplaceKeyPrefixWith": "documents/"},
        },
        {
            "Condition": {"KeyPrefixEquals": "old", "HttpErrorCodeReturnedEquals": "404"},
            "Redirect": {
                "HostName": "new.example",
                "Protocol": "https",
                "ReplaceKeyWith": "found?from=old#top",
                "HttpRedirectCode": "307",
            },
        },
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "403"},
            "Redirect": {"ReplaceKeyPrefixWith": "#!/"},
        },
    )
    own = f"http://www.{DOMAIN}:{web.cloud.port}"
    page = web.get("/docs/a?b")
    assert (page.status, page.location) == (301, f"{own}/documents/a")
    assert web.get("/docs/a%3Fb%0D%0A").location == f"{own}/documents/a%3Fb%0D%0A"
    web.put("old one", b"there")
    assert web.get("/old%20one").body == b"there"
    page = web.get("/older")
    assert (page.status, page.location) == (307, "https://new.example/found?from=old#top")
    assert web.get("/gone").body == b"oh no"
    web.open("s3:GetObject")
    assert web.get("/gone").location == f"{own}/#!/gone"


def test_pages_of_other_origins_may_look_where_the_bucket_lets_them(web: Web) -> None:
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}]
    web.s3.put_bucket_cors(Bucket="www", CORSConfiguration={"CORSRules": rules})
    page = web.get("/", Origin="https://a.example")
    assert page.headers["access-control-allow-origin"] == "https://a.example"
    asked = {"Origin": "https://a.example", "Access_Control_Request_Method": "GET"}
    assert web.get("/", method="OPTIONS", **asked).status == 200


INDEX: dict[str, Any] = {"IndexDocument": {"Suffix": "i"}}
REDIRECT: dict[str, Any] = {"Redirect": {"HostName": "h"}}


WRONG: list[dict[str, Any]] = [
    {},
    {"ErrorDocument": {"Key": "e"}},
    {"IndexDocument": {"Suffix": "a/b"}},
    {"IndexDocument": {"Suffix": ""}},
    {**INDEX, "RedirectAllRequestsTo": {"HostName": "h"}},
    {"RedirectAllRequestsTo": {"HostName": "h/\r\nSet-Cookie: a"}},
    {**INDEX, "RoutingRules": [{"Redirect": {}}]},
    {**INDEX, "RoutingRules": [{"Condition": {}, **REDIRECT}]},
    {**INDEX, "RoutingRules": [REDIRECT] * 51},
    {**INDEX, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "200"}}]},
    {**INDEX, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "300"}}]},
    {
        **INDEX,
        "RoutingRules": [{"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}],
    },
    {
        **INDEX,
        "RoutingRules": [{"Condition": {"HttpErrorCodeReturnedEquals": "99"}, **REDIRECT}],
    },
]


@pytest.mark.parametrize("wanted", WRONG)
def test_configurations_that_cannot_be_are_refused(web: Web, wanted: dict[str, Any]) -> None:
    with pytest.raises(ClientError):
        web.s3.put_bucket_website(Bucket="www", WebsiteConfiguration=wanted)
    assert web.s3.get_bucket_website(Bucket="www")["IndexDocument"] == SITE["IndexDocument"]


def test_a_configuration_comes_back_until_it_is_deleted(web: Web) -> None:
    web.set(REDIRECT)
    got = web.s3.get_bucket_website(Bucket="www")
    assert got["RoutingRules"] == [REDIRECT]
    web.s3.delete_bucket_website(Bucket="www")
    web.s3.delete_bucket_website(Bucket="www")
    with pytest.raises(ClientError, match="NoSuchWebsiteConfiguration"):
        web.s3.get_bucket_website(Bucket="www")


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("www.s3-website.r.example.org", "www"),
        ("www.example.org.S3-Website-us-east-1.example.org:8773", "www.example.org"),
        ("s3-website.s3-website.example.", "s3-website"),
        ("s3-website.example.org", ""),
        ("s3-website-logs.s3.us-east-1.example.org", None),
        ("s3.example.org", None),
        ("127.0.0.1:8773", None),
        ("", None),
    ],
)
def test_hosts_name_websites_by_their_last_label_of_s3(host: str, bucket: str | None) -> None:
    assert sites.bucket_of(host) == bucket
