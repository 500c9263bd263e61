"""Every row of EC2 keeps the laws that follow from the service model and AWS's documentation.

A row added later is held to all of it by itself; one that makes something with tags needs an entry
in `makers`. What AWS documents and a row does not have is in `GAPS`, with the reason.
"""

from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from mallee.aws import model
from mallee.cloud import actions
from mallee.cloud.action import Action, Listing
from tests.cloud import samples
from tests.cloud.ec2 import documented, makers
from tests.cloud.ec2.gaps import GAPS
from tests.cloud.ec2.world import FakeHost

EC2 = model.load("ec2")
ROWS = [row for row in actions.TABLE.values() if row.service == "ec2"]
LISTINGS = [row for row in ROWS if isinstance(row.does, Listing)]
TAG = {"Key": "Owner", "Value": "conformance"}
EITHER = {"DescribeLaunchTemplateVersions": {"Versions": ["$Latest"]}}
"""What an action needs, though the model calls none of it required."""
NO_FILTER = "a-name-that-no-filter-has"


def code_of(client: Any, action: str, request: dict[str, Any]) -> str:
    """The error code of a call; empty when it succeeds."""
    try:
        client._make_api_call(action, request)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def members(row: Action) -> frozenset[str]:
    """The members of the row's request."""
    shape = EC2.operations[row.name].input
    return frozenset(shape.members) if shape else frozenset()


def named(row: Action) -> dict[str, Any]:
    """What a listing needs to be asked at all; its things need not be there."""
    return samples.request("ec2", row.name) or EITHER.get(row.name, {})


def page_size(row: Action) -> int:
    """A small page that the row gives."""
    listing = row.does
    assert isinstance(listing, Listing)
    least, most = listing.max_results
    return min(max(20, least), most)


def filter_member(row: Action) -> str:
    """How the row calls its filters."""
    return "Filter" if "Filter" in members(row) else "Filters"


def test_every_documented_filter_is_there_or_explained(alice: Any, host: FakeHost) -> None:
    """It is accepted, or the row's gap says why not."""
    wrong: dict[str, set[str]] = {}
    for row in LISTINGS:
        listing = row.does
        assert isinstance(listing, Listing)
        if not documented.is_known(row.name):
            continue
        has = set(listing.filters)
        if listing.tags is not None:
            has |= {"tag:Owner", "tag-key", "tag-value"}
        missing = {name for name in documented.filters(row.name) if name not in has}
        if missing - GAPS.get(row.name, frozenset()):
            wrong[row.name] = missing - GAPS.get(row.name, frozenset())
    assert wrong == {}


def test_no_gap_is_left_that_is_closed() -> None:
    known = {row.name: row.does for row in LISTINGS}
    for name, missing in GAPS.items():
        listing = known[name]
        assert isinstance(listing, Listing)
        assert missing & set(listing.filters) == set(), name
        assert missing <= set(documented.filters(name)), name


def test_every_filter_can_be_asked_for(alice: Any, host: FakeHost) -> None:
    """All filters of a row at once, on things that are there: none of them breaks."""
    for make in ("CreateNatGateway", "CreateVpcPeeringConnection", "RunInstances"):
        alice._make_api_call(make, makers.MAKERS[make](alice))
    wrong: list[tuple[str, str, str]] = []
    for row in LISTINGS:
        listing = row.does
        assert isinstance(listing, Listing)
        if named(row):
            continue
        for name in listing.filters:
            request = {filter_member(row): [{"Name": name, "Values": ["*"]}]}
            code = code_of(alice, row.name, request)
            if code:
                wrong.append((row.name, name, code))
    assert wrong == []


def test_an_unknown_filter_is_refused(alice: Any) -> None:
    wrong: dict[str, str] = {}
    for row in LISTINGS:
        if filter_member(row) in members(row) and not named(row):
            request = {filter_member(row): [{"Name": NO_FILTER, "Values": ["x"]}]}
            code = code_of(alice, row.name, request)
            if code != "InvalidParameterValue":
                wrong[row.name] = code
    assert wrong == {}


def test_pages_keep_to_the_models_limits(alice: Any) -> None:
    wrong: dict[str, str] = {}
    for row in LISTINGS:
        if "MaxResults" not in members(row) or named(row):
            continue
        code = code_of(alice, row.name, {"MaxResults": 100_001})
        if code != "InvalidParameterValue":
            wrong[row.name] = code
        code = code_of(alice, row.name, {"NextToken": "nonsense"})
        if code not in ("InvalidNextToken", "InvalidParameterValue"):
            wrong[row.name + " token"] = code
    assert wrong == {}


def test_ids_and_pages_do_not_go_together(alice: Any) -> None:
    wrong: dict[str, str] = {}
    for row in LISTINGS:
        by_id = [name for name in row.honours if name.endswith("Ids")]
        if "MaxResults" not in members(row) or not by_id or named(row):
            continue
        code = code_of(alice, row.name, {by_id[0]: [], "MaxResults": page_size(row)})
        if code:
            wrong[row.name] = code
    assert wrong == {}


def test_what_is_required_must_be_there(alice: Any) -> None:
    wrong: dict[str, str] = {}
    for row in ROWS:
        shape = EC2.operations[row.name].input
        for name in shape.required if shape else ():
            if name == "ClientToken" or (row.name, name) == ("CopySnapshot", "SourceRegion"):
                # A client that was given none makes one, or asks for nothing.
                continue
            request = {k: v for k, v in samples.request("ec2", row.name).items() if k != name}
            code = code_of(alice, row.name, request)
            if code != "MissingParameter":
                wrong[f"{row.name}.{name}"] = code
    assert wrong == {}


def test_nothing_is_done_in_a_dry_run(alice: Any) -> None:
    """Of what only looks; what changes something is tried in `test_isolation`."""
    wrong: dict[str, str] = {}
    for row in ROWS:
        if "DryRun" in members(row) and row.name.startswith(("Describe", "Get")):
            code = code_of(alice, row.name, {**samples.request("ec2", row.name), "DryRun": True})
            if code != "DryRunOperation":
                wrong[row.name] = code
    assert wrong == {}


BY_TWO = {"AcceptAddressTransfer", "CopySnapshot", "CreateReplaceRootVolumeTask", "RegisterImage"}
"""What takes another account, or a snapshot of a host's: tried in `vpc/test_addresstransfers` and
`storage/test_snapshotsharing`."""
CREATING = [
    row
    for row in ROWS
    if row.creates and row.name not in BY_TWO and not getattr(row.does, "asks", None)
]
"""Of what a host must do before it is written down, see `storage/test_snapshots`."""


def test_every_row_that_makes_tagged_things_has_a_maker() -> None:
    assert {row.name for row in CREATING} == set(makers.MAKERS)


@pytest.mark.parametrize("row", CREATING, ids=[row.name for row in CREATING])
def test_tags_are_there_from_the_beginning(alice: Any, host: FakeHost, row: Action) -> None:
    kind = row.creates[0]
    request = makers.MAKERS[row.name](alice)
    specification = {"ResourceType": kind, "Tags": [TAG]}
    made = alice._make_api_call(row.name, {**request, "TagSpecifications": [specification]})
    shown = alice.describe_tags(Filters=[{"Name": "value", "Values": ["conformance"]}])["Tags"]
    assert {(tag["ResourceType"], tag["Key"]) for tag in shown} == {(kind, "Owner")}
    assert shown[0]["ResourceId"] in str(made)
    other = {"ResourceType": "fpga-image", "Tags": [TAG]}
    request = makers.MAKERS[row.name](alice)
    code = code_of(alice, row.name, {**request, "TagSpecifications": [other]})
    assert code == "InvalidParameterValue"
    reserved = {"ResourceType": kind, "Tags": [{"Key": "aws:x", "Value": "y"}]}
    code = code_of(alice, row.name, {**request, "TagSpecifications": [reserved]})
    assert code == "InvalidParameterValue"


WITH_TOKEN = [row for row in CREATING if "ClientToken" in members(row)]


@pytest.mark.parametrize("row", WITH_TOKEN, ids=[row.name for row in WITH_TOKEN])
def test_a_request_sent_twice_is_done_once(alice: Any, host: FakeHost, row: Action) -> None:
    request = {**makers.MAKERS[row.name](alice), "ClientToken": "once"}
    first = alice._make_api_call(row.name, request)
    again = alice._make_api_call(row.name, request)
    first.pop("ResponseMetadata")
    again.pop("ResponseMetadata")
    assert first == again
    tagged = {"ResourceType": row.creates[0], "Tags": [TAG]}
    code = code_of(alice, row.name, {**request, "TagSpecifications": [tagged]})
    assert code == "IdempotentParameterMismatch"


def test_paginators_of_botocore_run_over_every_listing(alice: Any) -> None:
    loader = botocore.session.get_session().get_component("data_loader")
    known = loader.load_service_model("ec2", "paginators-1")["pagination"]
    tried = 0
    for row in LISTINGS:
        if row.name in known and not named(row):
            method = botocore.xform_name(row.name)
            size = {"PageSize": page_size(row)}
            pages = list(alice.get_paginator(method).paginate(PaginationConfig=size))
            assert pages, row.name
            tried += 1
    assert tried > 20
