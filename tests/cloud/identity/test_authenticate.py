"""A copied request is of no use later; what cannot be opened lets nobody in."""

import os
from pathlib import Path
from typing import Any, cast

import pytest

from mallee.aws.signature import replay
from mallee.cloud.identity import authenticate, sessions
from mallee.kit import secretbox
from mallee.model.identity.sessions import CallerKind, Session
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


def test_token_ends_with_the_master_key_that_sealed_it(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    box = secretbox.load_or_create(path)
    old = box.newest
    keys = authenticate.Keys(cast(Any, None), box)
    session = Session(
        kind=CallerKind.USER, account="123456789012", issuer_id="A", issued_at=0.0, expires_at=1.0
    )
    token = sessions.issue(box, os.urandom, session).token
    assert keys.open(token) is not None
    secretbox.rotate(path, box)
    assert keys.open(token) is not None
    secretbox.forget(path, box, [old])
    assert keys.open(token) is None
    assert keys.open(sessions.issue(box, os.urandom, session).token) is not None


def test_old_path_names_the_service_where_the_scope_names_the_host(sender: Sender) -> None:
    """What boto 2 signs for a host that it does not know."""
    asked = {"Action": "DescribeInstances", "Version": "2016-11-15"}
    old = "/services/compute"
    assert sender.send(sender.signed("127", asked, path=old)).status == 200
    for request in (
        sender.signed("127", asked),
        sender.signed("128", asked, path=old),
        sender.signed("127", asked, path="/services/nothing"),
    ):
        assert sender.send(request).status >= 400
    forged = sender.signed("127", asked, path=old, secret="x" * 40)
    assert sender.send(forged).code == "AuthFailure"
    # A scope that names a service is held to it, whatever the path says.
    assert sender.send(sender.signed("iam", asked, path=old)).status == 400
