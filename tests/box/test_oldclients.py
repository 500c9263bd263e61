"""Clients that know no variable for endpoints find the cloud where `AWS_DATA_PATH` leads."""

from pathlib import Path
from typing import Any

import botocore.session
import pytest

from mallee.aws import clientfiles
from mallee.box import oldclients
from mallee.model.layout import Layout


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8773", "http://[2001:db8::1]:8773"])
def test_a_client_finds_each_service_where_the_cloud_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    bearer = clientfiles.Bearer(
        endpoint=endpoint,
        region="us-east-1",
        account_id="111122223333",
        user_name="admin",
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        secret_access_key="secret",
    )
    places = {str(oldclients.ensure_models(Layout(tmp_path), bearer)) for _ in range(2)}
    monkeypatch.setenv("AWS_DATA_PATH", places.pop())
    assert not places
    session: Any = botocore.session.Session()
    loader = session.get_component("data_loader")
    for service in ("ec2", "s3", "sts", "mallee"):
        rules = loader.load_service_model(service, "endpoint-rule-set-1")["rules"]
        assert rules[-1]["endpoint"]["url"] == endpoint
    assert "RequestAccount" in loader.load_service_model("mallee", "service-2")["operations"]
