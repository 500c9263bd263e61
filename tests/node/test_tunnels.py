"""Tunnels of instance connect endpoints: as the AWS CLI opens them, through a real cloud and agent.

The network is not real: the endpoint's namespace holds the instance's address itself.
"""

# botocore has no types of its own.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import asyncio
import json
import queue
import socket
import urllib.parse
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import botocore.session
import pytest
import yarl
from awscrt import websocket
from botocore.credentials import Credentials
from botocore.signers import RequestSigner

from mallee.box import client as api
from mallee.cloud.ec2.connecting import tunnels
from mallee.cloud.hosts.doors import lines
from mallee.kit import process
from mallee.model.layout import Layout
from mallee.node.do.network import namespaces
from tests.cloud.running import RunningCloud
from tests.node import test_lines as consoles
from tests.node import test_sync as talks

layout = talks.layout
running = talks.running

WITHIN_S = 120.0
PORT = 22
GREETING = b"SSH-2.0-tunnel\r\n"


@dataclass(frozen=True, slots=True)
class Ends:
    """An endpoint, and what a client signs with."""

    cloud: RunningCloud
    session: aiohttp.ClientSession
    id: str
    dns_name: str
    ip: str
    key: dict[str, str]

    def url(self, **changed: str) -> str:
        """The URL as AWS's own client makes it."""
        asked = {"instanceConnectEndpointId": self.id, "remotePort": str(PORT)}
        asked |= {"privateIpAddress": self.ip, **changed}
        session = botocore.session.get_session()
        service = session.get_service_model("ec2-instance-connect")
        who = Credentials(self.key["access_key_id"], self.key["secret_access_key"])
        signer = RequestSigner(
            service.service_id,
            "us-east-1",
            service.signing_name,
            service.signature_version,
            who,
            session.get_component("event_emitter"),
        )
        signed = signer.generate_presigned_url(
            request_dict={
                "url": f"wss://{self.dns_name}/openTunnel?{urllib.parse.urlencode(asked)}",
                "body": {},
                "headers": {"host": self.dns_name},
                "method": "GET",
                "query_string": "",
                "url_path": "/",
                "context": {},
            },
            operation_name="openTunnel",
            expires_in=60,
        )
        return str(signed)

    async def open(self, **changed: str) -> aiohttp.ClientWebSocketResponse:
        return await self.join(self.url(**changed))

    async def join(self, url: str) -> aiohttp.ClientWebSocketResponse:
        path = url.removeprefix(f"wss://{self.dns_name}")
        whole = f"{self.cloud.url}{path}".replace("http://", "ws://")
        # What is encoded stays as it was signed.
        where = yarl.URL(whole, encoded=True)
        return await self.session.ws_connect(where, headers={"Host": self.dns_name})

    async def refused(self, url: str) -> tuple[int, str]:
        """Status and code with which a URL is refused."""
        path = url.removeprefix(f"wss://{self.dns_name}")
        where = yarl.URL(self.cloud.url + path, encoded=True)
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Host": self.dns_name}
        async with self.session.get(where, headers=upgrade) as answer:
            return answer.status, json.loads(await answer.text())["__type"]


async def say_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING)
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def standing(running: RunningCloud, layout: Layout) -> AsyncGenerator[Ends]:
    async with AsyncExitStack() as stack:
        stand = await stack.enter_async_context(consoles.standing(running, layout))
        ec2 = running.client("ec2")
        found = ec2.describe_instances(InstanceIds=[stand.instance])["Reservations"]
        shown = found[0]["Instances"][0]
        made = (await asyncio.to_thread(create, ec2, shown["SubnetId"]))["InstanceConnectEndpoint"]
        ip = shown["PrivateIpAddress"]
        name = layout.endpoint_namespace(made["NetworkInterfaceIds"][0])
        namespaces.ensure(name)
        stack.callback(namespaces.remove, name)
        listening = namespaces.run_inside(name, lambda: listen(ip))
        server = await asyncio.start_server(say_again, sock=listening)
        stack.callback(server.close)
        yield Ends(
            running,
            stand.session,
            made["InstanceConnectEndpointId"],
            made["DnsName"],
            ip,
            running.admin,
        )


def access(running: RunningCloud) -> api.Access:
    return api.Access(endpoint=running.url, region="us-east-1", **running.admin)


def create(ec2: Any, subnet: str) -> dict[str, Any]:
    return ec2.create_instance_connect_endpoint(SubnetId=subnet)


def listen(ip: str) -> socket.socket:
    process.run(("ip", "link", "set", "lo", "up"))
    process.run(("ip", "address", "add", f"{ip}/32", "dev", "lo"))
    listening = socket.socket()
    listening.bind((ip, PORT))
    return listening


async def heard(line: aiohttp.ClientWebSocketResponse, count: int) -> bytes:
    said = b""
    while len(said) < count:
        said += await line.receive_bytes(timeout=WITHIN_S)
    return said


async def test_bytes_pass_both_ways_and_the_end_is_told(
    running: RunningCloud, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "CHECK_S", 0.02)
    async with standing(running, layout) as ends:
        one, other = await ends.open(), await ends.open()
        for line in (one, other):
            assert await heard(line, len(GREETING)) == GREETING
        for _ in range(4):
            await one.send_bytes(b"y" * 60_000)
        assert await heard(one, 240_000) == b"y" * 240_000
        await other.send_bytes(b"still here")
        assert await heard(other, 10) == b"still here"
        await one.close()
        await asyncio.to_thread(
            running.client("ec2").delete_instance_connect_endpoint,
            InstanceConnectEndpointId=ends.id,
        )
        message = await other.receive(timeout=WITHIN_S)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4003)
        await talks.wait_until(lambda: "OpenTunnel" in consoles.trail(running))


async def test_the_longest_time_is_kept(running: RunningCloud, layout: Layout) -> None:
    async with standing(running, layout) as ends:
        line = await ends.open(maxTunnelDuration="1")
        assert await heard(line, len(GREETING)) == GREETING
        message = await line.receive(timeout=WITHIN_S)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4001)


async def test_an_endpoint_has_so_many_tunnels(
    running: RunningCloud, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnels, "PER_ENDPOINT_MAX", 1)
    async with standing(running, layout) as ends:
        line = await ends.open()
        assert (await ends.refused(ends.url()))[1] == "ThrottlingException"
        await line.close()


@pytest.mark.parametrize("limit", ["PER_ENDPOINT_MAX", "PER_ACCOUNT_MAX"])
async def test_who_asks_for_many_at_once_gets_no_more_of_them(
    running: RunningCloud, layout: Layout, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(tunnels, limit, 2)
    async with standing(running, layout) as ends:
        asked = await asyncio.gather(*(ends.open() for _ in range(8)), return_exceptions=True)
        opened = [one for one in asked if isinstance(one, aiohttp.ClientWebSocketResponse)]
        assert len(opened) == 2
        for line in opened:
            await line.close()


async def test_the_library_of_the_aws_cli_speaks_it(running: RunningCloud, layout: Layout) -> None:
    async with standing(running, layout) as ends:
        said = await asyncio.to_thread(by_aws_crt, ends, b"hello")
        assert said == GREETING + b"hello"


def by_aws_crt(ends: Ends, words: bytes) -> bytes:
    """Say words through a tunnel with the WebSocket client of AWS; return what comes back."""
    came: queue.Queue[Any] = queue.Queue()
    path = ends.url().removeprefix(f"wss://{ends.dns_name}")
    websocket.connect(
        host="127.0.0.1",
        port=ends.cloud.port,
        handshake_request=websocket.create_handshake_request(host=ends.dns_name, path=path),
        on_connection_setup=came.put,
        on_incoming_frame_payload=lambda frame: came.put(frame.data),
    )
    opened = came.get(timeout=WITHIN_S)
    assert opened.exception is None, opened.exception
    said = came.get(timeout=WITHIN_S)
    opened.websocket.send_frame(websocket.Opcode.BINARY, words)
    while len(said) < len(GREETING + words):
        said += came.get(timeout=WITHIN_S)
    opened.websocket.close()
    return said


async def test_who_may_not_gets_none(running: RunningCloud, layout: Layout) -> None:
    made = await asyncio.to_thread(
        api.call, access(running), "mallee", "CreateAccount", {"AccountName": "foreign"}
    )
    key = made["AccessKey"]
    stranger = {
        "access_key_id": key["AccessKeyId"],
        "secret_access_key": key["SecretAccessKey"],
    }
    async with standing(running, layout) as ends:
        url = ends.url()
        forged = url.replace(f"remotePort={PORT}", "remotePort=3389")
        assert await ends.refused(forged) == (403, "InvalidSignatureException")
        unsigned = url.partition("&X-Amz")[0].removeprefix(f"wss://{ends.dns_name}")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await ends.session.ws_connect(running.url + unsigned)
        others = replace(ends, key=stranger)
        assert (await ends.refused(others.url()))[1] == (
            "InvalidInstanceConnectEndpointId.NotFound"
        )
        for wrong, code in (
            ({"remotePort": "0"}, "InvalidArgsException"),
            ({"remotePort": "65536"}, "InvalidArgsException"),
            ({"maxTunnelDuration": "3601"}, "InvalidArgsException"),
            ({"privateIpAddress": "169.254.169.254"}, "InvalidArgsException"),
            ({"privateIpAddress": "::1"}, "InvalidArgsException"),
            ({"more": "1"}, "InvalidArgsException"),
            ({"instanceConnectEndpointId": "i-1"}, "InvalidArgsException"),
            ({"remotePort": "23"}, "Unavailable"),
        ):
            assert (await ends.refused(ends.url(**wrong)))[1] == code, wrong


async def test_a_policy_says_which_port_of_which_endpoint(
    running: RunningCloud, layout: Layout
) -> None:
    async with standing(running, layout) as ends:
        eve = await asyncio.to_thread(make_eve, running, ends.id)
        hers = replace(ends, key=eve)
        assert (await ends_well(hers)) == GREETING
        wrong = hers.url(remotePort="23")
        assert await hers.refused(wrong) == (403, "AccessDeniedException")
        gone = running.client("iam")
        await asyncio.to_thread(
            gone.delete_access_key, UserName="eve", AccessKeyId=eve["access_key_id"]
        )
        assert (await hers.refused(hers.url()))[1] == "UnrecognizedClientException"


async def ends_well(ends: Ends) -> bytes:
    line = await ends.open()
    said = await heard(line, len(GREETING))
    await line.close()
    return said


def make_eve(running: RunningCloud, endpoint: str) -> dict[str, str]:
    """The key of a user who may open tunnels to port 22 by one endpoint."""
    statement = {
        "Effect": "Allow",
        "Action": "ec2-instance-connect:OpenTunnel",
        "Resource": f"arn:aws:ec2:us-east-1:*:instance-connect-endpoint/{endpoint}",
        "Condition": {
            "NumericEquals": {"ec2-instance-connect:remotePort": PORT},
            "IpAddress": {"ec2-instance-connect:privateIpAddress": "172.31.0.0/16"},
            "NumericLessThanEqualsIfExists": {"ec2-instance-connect:maxTunnelDuration": 60},
        },
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = running.client("iam")
    iam.create_user(UserName="eve")
    iam.put_user_policy(UserName="eve", PolicyName="one", PolicyDocument=document)
    key = iam.create_access_key(UserName="eve")["AccessKey"]
    return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
