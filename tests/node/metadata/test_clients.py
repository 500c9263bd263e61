"""An unmodified client in a guest finds its role's credentials and the API by itself."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.credentials import InstanceMetadataProvider
from botocore.utils import InstanceMetadataFetcher

from mallee.model.compute.guestrequests import GuestRequest, GuestResponse, Whence
from mallee.model.hosts.hosts import InstanceWanted, ProfileWanted, RoleCredentials
from mallee.model.layout import Layout
from mallee.node import cloud
from mallee.node.do.network import network
from mallee.node.metadata import gateway, rolepaths, service
from tests.node.lab import Guest, Lab, make_interface, make_vpc, make_wanted

pytestmark = pytest.mark.host

GROUP = "sg-00000000000000001"
ANSWER = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Account>000000000001</Account></GetCallerIdentityResult>
</GetCallerIdentityResponse>"""


class FakeDoor:
    """A cloud that knows one answer."""

    def __init__(self) -> None:
        self.seen: list[GuestRequest] = []

    async def open_stream(self, whence: Whence) -> aiohttp.ClientWebSocketResponse:
        raise cloud.CloudAway(f"no S3 for {whence.name}")

    async def bring(self, request: GuestRequest) -> GuestResponse:
        self.seen.append(request)
        return GuestResponse(status=200, content_type="text/xml", headers={}, body=ANSWER)


def paths(instance: InstanceWanted) -> Mapping[str, str]:
    """Every instance has a role, and credentials with its own id as their secret."""
    profile = ProfileWanted(id="AIPA1", arn="arn:p", role_id="AROA1", role_name="web")
    held = RoleCredentials(
        role_id="AROA1",
        access_key_id="ASIA1",
        secret_access_key=instance.id,
        token="token",
        issued_at=1.0,
        expires_at=4e9,
    )
    return rolepaths.paths(profile, held)


@pytest.fixture
def door() -> FakeDoor:
    return FakeDoor()


@pytest.fixture
def host(root_dir: Path, loop: asyncio.AbstractEventLoop, door: FakeDoor) -> Iterator[Lab]:
    served = service.Service(loop, b"k" * 32, service.Offers((paths,), gateway.Gateway(door)))
    layout = Layout(root_dir)
    opened = Lab(layout, network.Network(layout, served))
    try:
        yield opened
    finally:
        opened.close()
        served.close()


def ask(guest: Guest) -> Any:
    """What a client in the guest hears that was given nothing but the endpoint."""

    def work() -> Any:
        fetcher = InstanceMetadataFetcher(timeout=60, num_attempts=1)
        found: Any = InstanceMetadataProvider(fetcher).load()
        session: Any = botocore.session.Session()
        session._credentials = found
        client = boto3.Session(botocore_session=session).client(
            "sts",
            region_name="us-east-1",
            endpoint_url="http://169.254.169.254:8773",
            config=Config(retries={"max_attempts": 0}),
        )
        return found, client.get_caller_identity()

    return guest.do(work)


def test_a_client_finds_credentials_and_api_by_itself(host: Lab, door: FakeDoor) -> None:
    one = make_interface(1, GROUP)
    host.apply(make_wanted(make_vpc((one,), {GROUP: ()})))
    credentials, answer = ask(host.guest(one))
    assert credentials.access_key == "ASIA1"
    assert credentials.secret_key == one.instance_id
    assert answer["Account"] == "000000000001"
    (seen,) = door.seen
    assert seen.whence.instance_id == one.instance_id
    assert seen.headers["x-amz-security-token"] == "token"
    assert seen.body == b"Action=GetCallerIdentity&Version=2011-06-15"


def test_the_tap_says_who_asks(host: Lab, door: FakeDoor) -> None:
    one, two = make_interface(1, GROUP), make_interface(2, GROUP)
    far = make_interface(1, GROUP, vpc=1)
    host.apply(make_wanted(make_vpc((one, two), {GROUP: ()}), make_vpc((far,), {}, vpc=1)))
    for interface in (one, two, far):
        assert ask(host.guest(interface))[0].secret_key == interface.instance_id
        assert door.seen[-1].whence.instance_id == interface.instance_id


def test_nothing_else_of_the_host_is_reached(host: Lab) -> None:
    one = make_interface(1, GROUP)
    host.apply(make_wanted(make_vpc((one,), {GROUP: ()})))
    guest = host.guest(one)
    assert guest.reaches("169.254.169.254", 8773)
    assert guest.misses("169.254.169.254", 8774)
