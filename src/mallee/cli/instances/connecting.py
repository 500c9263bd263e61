"""Ways into a guest for `mallee ssh` and `mallee tunnel`: keys for a minute, bytes by an endpoint.

A key is made in memory's place of a directory that goes with the session, and its public half is
pushed (`SendSSHPublicKey`). A tunnel is opened as the AWS CLI opens it, by a signed URL. Not its
business: which instance, and what is said there.
"""

# botocore has no types of its own.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import asyncio
import contextlib
import os
import subprocess
import sys
import urllib.parse
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import yarl

from mallee.box import client as api
from mallee.box import steps

READ_BYTES = 32 << 10
URL_LIFE_S = 60
SPEAKS_WITHIN_S = 10.0
_UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}
SERVICE = "ec2-instance-connect"


def make_key(folder: Path) -> Path:
    """Make a key pair of OpenSSH in the folder; return where its private half is."""
    path = folder / "key"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "mallee ssh", "-f", str(path)]
    subprocess.run(words, check=True)
    return path


def endpoint_of(call: Any, vpc_id: str) -> dict[str, Any]:
    """Return the VPC's instance connect endpoint; raise `steps.Failed` without one."""
    wanted = {"Filters": [{"Name": "vpc-id", "Values": [vpc_id]}]}
    found = call("ec2", "DescribeInstanceConnectEndpoints", wanted)["InstanceConnectEndpoints"]
    if not found:
        raise steps.Failed(
            f"the instance has no public address, and {vpc_id} no instance connect endpoint",
            "aws ec2 create-instance-connect-endpoint --subnet-id SUBNET, or give it an address: "
            "aws ec2 associate-address",
        )
    return found[0]


def sign(access: api.Access, asked: Mapping[str, str]) -> str:
    """Return the URL of a tunnel, good for a minute."""
    url = f"{access.endpoint}/openTunnel?{urllib.parse.urlencode(asked)}"
    request = botocore.awsrequest.AWSRequest(method="GET", url=url)
    who = botocore.credentials.Credentials(access.access_key_id, access.secret_access_key)
    signer = botocore.auth.SigV4QueryAuth(who, SERVICE, access.region, expires=URL_LIFE_S)
    signer.add_auth(request)
    return str(request.url)


async def first_word(url: str) -> bytes:
    """Return what the other end of a tunnel says first; raise `steps.Failed` when it is not
    opened."""
    try:
        where = yarl.URL(url, encoded=True)
        async with (
            asyncio.timeout(SPEAKS_WITHIN_S),
            aiohttp.ClientSession() as session,
            _opened(session, where) as line,
        ):
            message = await line.receive()
            return message.data if message.type is aiohttp.WSMsgType.BINARY else b""
    except TimeoutError as error:
        raise steps.Failed(f"it said nothing within {SPEAKS_WITHIN_S:g} s", "") from error
    except (aiohttp.ClientError, OSError) as error:
        raise steps.Failed(f"the tunnel broke: {error}", "") from error


async def relay(url: str) -> None:
    """Pass standard input into the tunnel, and what comes out of it to standard output."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=READ_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        where = yarl.URL(url, encoded=True)
        async with aiohttp.ClientSession() as session, _opened(session, where) as line:
            saying = asyncio.ensure_future(_say(reader, line))
            try:
                async for message in line:
                    if message.type is not aiohttp.WSMsgType.BINARY:
                        break
                    await asyncio.to_thread(_write, message.data)
            finally:
                saying.cancel()
                await asyncio.gather(saying, return_exceptions=True)
    except (aiohttp.ClientError, OSError) as error:
        raise steps.Failed(f"the tunnel broke: {error}", "open it again") from error


@contextlib.asynccontextmanager
async def _opened(
    session: aiohttp.ClientSession, where: yarl.URL
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    try:
        line = await session.ws_connect(where)
    except aiohttp.WSServerHandshakeError as error:
        # The library drops the words of a refusal, which comes again to whoever asks again.
        async with session.get(where, headers=_UPGRADE) as answer:
            told = await answer.text()
        raise steps.Failed(f"no tunnel ({error.status}): {told[:500]}", "") from error
    try:
        yield line
    finally:
        await line.close()


async def _say(reader: asyncio.StreamReader, line: aiohttp.ClientWebSocketResponse) -> None:
    with contextlib.suppress(OSError):
        while said := await reader.read(READ_BYTES):
            await line.send_bytes(said)
    await line.close()


def _write(said: bytes) -> None:
    while said:
        said = said[os.write(sys.stdout.fileno(), said) :]
