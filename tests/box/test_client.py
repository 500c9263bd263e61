import socket

import pytest

from mallee.box import client


def test_a_cloud_that_does_not_listen_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        access = client.Access(
            endpoint=f"http://127.0.0.1:{free.getsockname()[1]}",
            region="us-east-1",
            account_id="123456789012",
            access_key_id="AKIAEXAMPLE",
            secret_access_key="secret",
        )
        with pytest.raises(client.Unreachable, match="does not answer"):
            client.call(access, "mallee", "DescribeHosts")
