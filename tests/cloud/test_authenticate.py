"""A copied request is of no use later; what cannot be opened lets nobody in."""

import pytest

from mallee.aws.signature import replay
from tests.cloud.signing import Sender


def test_version_2_request_is_refused_when_it_comes_again_later(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "SAME_SECOND_S", 0.0)
    asked = {"Action": "DescribeRegions", "Version": "2012-07-20"}
    request = sender.signed_v2(asked, path="/services/compute")
    assert sender.send(request).status == 200
    assert sender.send(request).code == "RequestExpired"


def test_copied_version_4_request_changes_nothing_later(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "SAME_SECOND_S", 0.0)
    request = sender.signed("ec2", {"Action": "AllocateAddress"})
    assert sender.send(request).status == 200
    assert sender.send(request).code == "RequestExpired"
    looking = sender.signed("ec2", {"Action": "DescribeAddresses"})
    assert [sender.send(looking).status for _ in range(2)] == [200, 200]


def test_version_2_signature_covers_the_body(sender: Sender) -> None:
    asked = {"Action": "DescribeRegions", "Version": "2012-07-20"}
    request = sender.signed_v2(asked, path="/services/compute")
    request.data["RegionName.1"] = "us-east-1"
    assert sender.send(request).code == "AuthFailure"
