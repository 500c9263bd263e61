"""OpenTunnel, which is in no table: its permission is what AWS publishes of it."""

import pytest

from mallee.cloud.ec2.connecting import tunnels
from mallee.cloud.identity import context
from tests.cloud import published


@pytest.mark.skipif(not published.is_there(), reason="AWS's reference is not installed")
def test_a_tunnel_is_permitted_as_aws_says() -> None:
    found = published.find(tunnels.ROW.service, tunnels.ROW.name)
    assert found is not None
    assert found.arns.keys() == {"instance-connect-endpoint"}
    keys = {key for these in found.keys.values() for key in these}
    assert {key for key in keys if not key.startswith("aws:")} <= context.KEYS
