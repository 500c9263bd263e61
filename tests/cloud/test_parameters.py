"""Parameters are read as they were signed, and refused when nobody would look at them."""

from dataclasses import replace
from typing import Any

import pytest

from mallee.aws import errors
from mallee.cloud import http, parameters
from mallee.cloud.action import Action, Listing, Read


def request(query: str = "", body: bytes = b"", kind: str = http.FORM) -> http.Request:
    headers = {"content-type": kind} if kind else {}
    return http.Request(
        method="POST", path="/", query=query, headers=headers, body=body, peer="test"
    )


def test_query_and_form_are_read_in_their_order() -> None:
    read = parameters.read(request("Action=A&x=1", b"y=a%20b+c&y=2&z="))
    assert read == [("Action", "A"), ("x", "1"), ("y", "a b c"), ("y", "2"), ("z", "")]


@pytest.mark.parametrize("kind", ["", "text/xml", "application/json"])
def test_body_that_is_no_form_holds_no_parameters(kind: str) -> None:
    assert parameters.read(request("a=b", b"c=d", kind)) == [("a", "b")]


def test_text_that_is_not_utf8_is_refused() -> None:
    for query in ("a=%ff", "%c3=a", "a=%ed%a0%80"):
        with pytest.raises(errors.MalformedQueryString):
            parameters.read(request(query))
    assert parameters.read(request("a=%c3%bc")) == [("a", "ü")]


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(errors.MalformedQueryString):
        parameters.read(request(body=b"a=1&" * (parameters.MAX_PARAMETERS + 1)))


def action(*honours: str, creates: tuple[str, ...] = (), listing: bool = False) -> Action:
    does: Any = Read(handle=lambda call, request: {})
    if listing:
        does = Listing(find=lambda *_: (), render=lambda *_: {}, member="Things", filters={})
    return Action(service="ec2", name="Act", does=does, honours=frozenset(honours), creates=creates)


def test_honoured_members_pass() -> None:
    row = action("ImageId", "Placement.AvailabilityZone", "Groups", "Mappings.Ebs.Size")
    asked = {
        "ImageId": "ami-1",
        "Placement": {"AvailabilityZone": "a"},
        "Groups": ["sg-1"],
        "Mappings": [{"Ebs": {"Size": 1}}, {"Ebs": {}}],
        "DryRun": True,
        "ClientToken": "t",
    }
    parameters.refuse_ignored(row, asked)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"KernelId": "aki-1"}, "KernelId"),
        ({"Placement": {"AvailabilityZone": "a", "Tenancy": "host"}}, "Placement.Tenancy"),
        ({"Mappings": [{"Ebs": {"Size": 1}}, {"Ebs": {"Iops": 5}}]}, "Mappings.Ebs.Iops"),
        ({"Mappings": [{"NoDevice": ""}]}, "Mappings.NoDevice"),
        ({"Placement": "a"}, "Placement"),
        ({"Filters": []}, ""),
        ({"MaxResults": 5}, "MaxResults"),
        ({"TagSpecifications": []}, ""),
        ({"Unknown": {}}, "Unknown"),
    ],
)
def test_member_that_would_be_ignored_is_named(asked: dict[str, Any], name: str) -> None:
    row = action("Placement.AvailabilityZone", "Mappings.Ebs.Size")
    if not name:
        parameters.refuse_ignored(row, asked)
        return
    with pytest.raises(errors.UnsupportedOperation) as error:
        parameters.refuse_ignored(row, asked)
    assert f"The parameter {name} of Act " in error.value.message


def test_listings_have_filters_and_pages() -> None:
    asked = {"Filters": [{"Name": "a", "Values": ["b"]}], "MaxResults": 5, "NextToken": "t"}
    parameters.refuse_ignored(action(listing=True), asked)
    with pytest.raises(errors.UnsupportedOperation):
        parameters.refuse_ignored(action(), asked)


def test_tags_at_creation_are_for_what_is_created() -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]
    parameters.refuse_ignored(action(creates=("instance",)), {"TagSpecifications": tags})
    with pytest.raises(errors.InvalidParameterValue):
        parameters.refuse_ignored(action(creates=("volume",)), {"TagSpecifications": tags})
    with pytest.raises(errors.UnsupportedOperation):
        parameters.refuse_ignored(action(), {"TagSpecifications": tags})


LONG = "x" * (parameters.WORDS_LENGTH_MAX + 1)


@pytest.mark.parametrize(
    "asked",
    [
        {"Description": LONG},
        {"VersionDescription": LONG},
        {"Description": {"Value": LONG}},
        {"Entries": [{"Cidr": "10.0.0.0/8"}, {"Description": LONG}]},
    ],
)
def test_a_long_description_is_refused_wherever_it_is(asked: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidParameterValue, match="at most 255"):
        parameters.refuse_long(action(), asked)


def test_what_is_no_description_of_ec2_may_be_long() -> None:
    fits = {"Description": LONG[1:], "UserData": LONG, "Values": [LONG], "Value": LONG}
    parameters.refuse_long(action(), fits)
    # Others' models say how long each is.
    parameters.refuse_long(replace(action(), service="iam"), {"Description": LONG})
