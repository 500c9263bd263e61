"""What a guest hears from the metadata service, request by request."""

from http import HTTPStatus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.model.compute.instances import MetadataOptions
from mallee.model.hosts.hosts import InstanceWanted
from mallee.node.metadata import answers, tokens, wire
from tests.node.lab import make_instance, make_interface

SESSIONS = tokens.Tokens(b"k" * 32)
NOW = 1_000_000.5
MAC = "02:00:00:00:00:01"
METADATA = {
    "meta-data/ami-id": "ami-00000000000000001",
    "meta-data/placement/availability-zone": "us-east-1a",
    "meta-data/public-keys/": "0=my key",
    "meta-data/public-keys/0/openssh-key": "ssh-ed25519 AAAA my key",
    f"meta-data/network/interfaces/macs/{MAC}/device-number": "0",
    "dynamic/instance-identity/document": "{}",
}
INSTANCE = msgspec.structs.replace(
    make_instance(make_interface(1)), metadata=METADATA, user_data=b"#!/bin/sh\n\0\xff"
)


def optional(instance: InstanceWanted = INSTANCE, **changes: str | int) -> InstanceWanted:
    options = MetadataOptions(**{"http_tokens": "optional", **changes})
    return msgspec.structs.replace(instance, metadata_options=options)


def ask(
    path: str,
    instance: InstanceWanted = INSTANCE,
    method: str = "GET",
    now: float = NOW,
    **headers: str,
) -> wire.Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = wire.Request(method, path, named, keeps_alive=True, body_bytes=0)
    return answers.answer(
        request, answers.Asked(instance, instance.metadata, now, b"n" * 8), SESSIONS
    )


def token(ttl_s: str = "60", instance: InstanceWanted = INSTANCE) -> str:
    answer = ask("/latest/api/token", instance, "PUT", x_aws_ec2_metadata_token_ttl_seconds=ttl_s)
    assert answer.status is HTTPStatus.OK
    return answer.body.decode()


def said(path: str, instance: InstanceWanted | None = None) -> str | None:
    answer = ask(path, instance or optional())
    assert answer.status in (HTTPStatus.OK, HTTPStatus.NOT_FOUND)
    return answer.body.decode() if answer.status is HTTPStatus.OK else None


def test_the_root_lists_versions() -> None:
    listed = (said("/") or "").split("\n")
    assert listed[0] == "1.0"
    assert listed[-1] == "latest"
    assert {"2009-04-04", "2014-02-25", "2021-07-15"} < set(listed)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/latest", "dynamic\nmeta-data\nuser-data"),
        ("/latest/", "dynamic\nmeta-data\nuser-data"),
        ("/2009-04-04/meta-data", "ami-id\nnetwork/\nplacement/\npublic-keys/"),
        ("/latest/meta-data/", "ami-id\nnetwork/\nplacement/\npublic-keys/"),
        ("/latest/meta-data/ami-id", "ami-00000000000000001"),
        ("/latest/meta-data/ami-id/", "ami-00000000000000001"),
        ("//latest//meta-data//placement", "availability-zone"),
        ("/latest/meta-data/public-keys", "0=my key"),
        ("/latest/meta-data/public-keys/", "0=my key"),
        ("/latest/meta-data/public-keys/0/", "openssh-key"),
        ("/latest/meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA my key"),
        ("/latest/meta-data/network/interfaces/macs/", f"{MAC}/"),
        (f"/latest/meta-data/network/interfaces/macs/{MAC}/device-number", "0"),
        ("/latest/dynamic/instance-identity/document", "{}"),
        ("/latest/dynamic/instance-identity/", "document"),
        ("/latest/dynamic/instance-identity/signature", None),
        ("/latest/meta-data/none", None),
        ("/latest/meta-data/ami", None),
        ("/latest/nothing", None),
        ("/1999-01-01/meta-data/", None),
        ("/meta-data/", None),
    ],
)
def test_paths_lead_to_values_and_listings(path: str, body: str | None) -> None:
    assert said(path) == body


def test_user_data_is_given_byte_by_byte() -> None:
    answer = ask("/latest/user-data", optional())
    assert answer.body == b"#!/bin/sh\n\0\xff"
    assert answer.content_type == "application/octet-stream"


def test_without_user_data_there_is_none() -> None:
    bare = optional(msgspec.structs.replace(INSTANCE, user_data=b""))
    assert said("/latest/user-data", bare) is None
    assert said("/latest/", bare) == "dynamic\nmeta-data"


def test_a_token_is_required_by_default() -> None:
    assert ask("/latest/meta-data/").status is HTTPStatus.UNAUTHORIZED
    answer = ask("/latest/meta-data/", x_aws_ec2_metadata_token=token())
    assert answer.status is HTTPStatus.OK
    assert answer.headers[answers.TTL_HEADER] == "59"


def test_a_wrong_token_is_refused_even_where_none_is_required() -> None:
    wrong = ask("/latest/meta-data/", optional(), x_aws_ec2_metadata_token="wrong")
    assert wrong.status is HTTPStatus.UNAUTHORIZED


def test_a_token_ends() -> None:
    held = token("60")
    for now, status in ((NOW + 59, HTTPStatus.OK), (NOW + 60, HTTPStatus.UNAUTHORIZED)):
        answer = ask("/latest/meta-data/", now=now, x_aws_ec2_metadata_token=held)
        assert answer.status is status


def test_a_token_is_good_for_its_own_instance_alone() -> None:
    other = msgspec.structs.replace(INSTANCE, id="i-00000000000000002")
    answer = ask("/latest/meta-data/", other, x_aws_ec2_metadata_token=token())
    assert answer.status is HTTPStatus.UNAUTHORIZED


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda raw: raw.hex()))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    assert SESSIONS.read_expiry(INSTANCE.id, text) is None


@pytest.mark.parametrize("ttl", ["", "0", "21601", "-1", "1.5", "six", "9" * 5000, "١"])
def test_a_tokens_time_is_between_a_second_and_six_hours(ttl: str) -> None:
    answer = ask("/latest/api/token", method="PUT", x_aws_ec2_metadata_token_ttl_seconds=ttl)
    assert answer.status is HTTPStatus.BAD_REQUEST


def test_the_longest_token_holds_six_hours() -> None:
    held = token("21600")
    answer = ask("/latest/", now=NOW + 21599, x_aws_ec2_metadata_token=held)
    assert answer.status is HTTPStatus.OK


def test_a_proxied_wish_for_a_token_is_refused() -> None:
    answer = ask(
        "/latest/api/token",
        method="PUT",
        x_aws_ec2_metadata_token_ttl_seconds="60",
        x_forwarded_for="192.0.2.1",
    )
    assert answer.status is HTTPStatus.FORBIDDEN


def test_only_the_answer_with_a_token_is_limited_in_hops() -> None:
    far = optional(http_put_response_hop_limit=3)
    put = ask("/latest/api/token", far, "PUT", x_aws_ec2_metadata_token_ttl_seconds="1")
    assert put.hop_limit == 3
    assert ask("/latest/meta-data/", far).hop_limit is None


def test_a_disabled_endpoint_says_nothing() -> None:
    closed = optional(http_endpoint="disabled")
    assert ask("/latest/meta-data/", closed).status is HTTPStatus.FORBIDDEN
    put = ask("/latest/api/token", closed, "PUT", x_aws_ec2_metadata_token_ttl_seconds="60")
    assert put.status is HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/latest/api/token", "PUT"),
        ("PUT", "/latest/meta-data/", "GET, HEAD"),
        ("POST", "/latest/meta-data/", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
    ],
)
def test_other_methods_are_not_allowed(method: str, path: str, allowed: str) -> None:
    answer = ask(path, optional(), method)
    assert answer.status is HTTPStatus.METHOD_NOT_ALLOWED
    assert answer.headers["Allow"] == allowed


def test_what_is_not_there_is_said_with_a_page() -> None:
    answer = ask("/latest/none", optional())
    assert answer.content_type == "text/html"
    assert b"<title>404 - Not Found</title>" in answer.body
    assert answer.body.startswith(b'<?xml version="1.0" encoding="iso-8859-1"?>')
