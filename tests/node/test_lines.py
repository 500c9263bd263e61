"""Lines to consoles through a real cloud and a real agent; QEMU's socket is this test's."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from mallee.cloud.admin.instances import consoles
from mallee.cloud.hosts.doors import lines
from mallee.model.layout import Layout
from mallee.node import cloud as doors
from mallee.node import lines as ends
from mallee.node import membership
from mallee.node.plan.guests import domain
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Answer, Sender
from tests.fakes.hypervisor import VNC_GREETING, FakeHypervisor
from tests.fakes.network import FakeNetwork
from tests.node import test_sync as talks

layout = talks.layout
running = talks.running

WITHIN_S = 120.0
GREETING = b"login: "


@dataclass(slots=True)
class Serial:
    """The end of a serial line that QEMU has: it greets, and says again what it is told."""

    writers: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(GREETING)
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        self.left.set()


@dataclass(slots=True)
class Stand:
    """An instance that runs, and its owner."""

    cloud: RunningCloud
    instance: str
    serial: Serial
    session: aiohttp.ClientSession
    end_agent: asyncio.Event

    async def call(
        self, service: str, action: str, key: dict[str, str] | None = None, **asked: str
    ) -> Answer:
        sender = Sender(self.cloud.port, key or self.cloud.admin)
        return await asyncio.to_thread(sender.ask, service, action, **asked)

    async def ask(self, key: dict[str, str] | None = None) -> Answer:
        return await self.call("mallee", "OpenConsole", key, InstanceId=self.instance)

    async def join(self, path: str) -> aiohttp.ClientWebSocketResponse:
        return await self.session.ws_connect(self.cloud.url + path)

    async def open(self, key: dict[str, str] | None = None) -> aiohttp.ClientWebSocketResponse:
        """Open the console as soon as no other line is in the way."""
        async with asyncio.timeout(WITHIN_S):
            while (answer := await self.ask(key)).code == "SerialConsoleSessionLimitExceeded":
                await asyncio.sleep(0.02)
        assert answer.status == 200, answer.text
        line = await self.join(answer.element("Path"))
        assert await line.receive_bytes(timeout=WITHIN_S) == GREETING
        return line


@asynccontextmanager
async def standing(running: RunningCloud, layout: Layout) -> AsyncGenerator[Stand]:
    token = await asyncio.to_thread(talks.make_token, running)
    await doors.join(layout, token, "host-a")
    ec2 = running.client("ec2")
    end, ended = asyncio.Event(), asyncio.Event()

    async def be_agent(up: asyncio.Event) -> None:
        async with talks.agent(layout, FakeHypervisor(layout.tag), FakeNetwork(layout)):
            up.set()
            await end.wait()
        ended.set()

    up = asyncio.Event()
    agent = asyncio.create_task(be_agent(up))
    await up.wait()
    instance = await talks.launch(ec2)
    await talks.wait_until(lambda: talks.state_of(ec2, instance) == "running")
    serial = Serial()
    path = domain.directory_of(layout, instance) / domain.CONSOLE_SOCKET
    server = await asyncio.start_unix_server(serial.serve, path)
    await asyncio.to_thread(ec2.enable_serial_console_access)
    try:
        async with aiohttp.ClientSession() as session:
            yield Stand(running, instance, serial, session, end)
    finally:
        end.set()
        await agent
        server.close()


def trail(running: RunningCloud) -> str:
    """All that the trail has."""
    files = (path for path in running.layout.trail.rglob("*") if path.is_file())
    return "".join(path.read_text(errors="replace") for path in files)


async def close_of(line: aiohttp.ClientWebSocketResponse) -> int:
    """The code with which a line ends."""
    async with asyncio.timeout(WITHIN_S):
        async for _ in line:
            pass
    return line.close_code or 0


async def test_what_is_typed_reaches_the_guest_and_what_it_says_comes_back(
    running: RunningCloud, layout: Layout
) -> None:
    async with standing(running, layout) as stand:
        line = await stand.open()
        sent = bytes(range(256)) * 4096
        pieces = [sent[at : at + 8192] for at in range(0, len(sent), 8192)]

        async def type_all() -> None:
            for piece in pieces:
                await line.send_bytes(piece)

        typing = asyncio.create_task(type_all())
        back = b""
        async with asyncio.timeout(WITHIN_S):
            while len(back) < len(sent):
                back += await line.receive_bytes()
        await typing
        assert back == sent
        await line.close()
        # The guest's console is free again, and another line finds it so.
        async with asyncio.timeout(WITHIN_S):
            await stand.serial.left.wait()
        await (await stand.open()).close()
        # Who opened which console is in the trail, and no ticket.
        await talks.wait_until(lambda: "OpenConsole" in trail(running))
        assert stand.instance in trail(running)
        assert lines.PATH not in trail(running)


async def test_a_console_has_one_line_at_a_time(running: RunningCloud, layout: Layout) -> None:
    async with standing(running, layout) as stand:
        line = await stand.open()
        refused = await stand.ask()
        assert refused.code == "SerialConsoleSessionLimitExceeded"
        await line.send_bytes(b"still there")
        assert await line.receive_bytes(timeout=WITHIN_S) == b"still there"


async def test_a_ticket_is_good_once_and_for_a_line_only(
    running: RunningCloud, layout: Layout
) -> None:
    async with standing(running, layout) as stand:
        path = (await stand.ask()).element("Path")
        line = await stand.join(path)
        for wrong in (path, f"{lines.PATH}guessed", lines.PATH):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await stand.join(wrong)
        async with stand.session.get(running.url + path) as plain:
            assert plain.status >= 400
        await line.send_bytes(b"x")
        assert (await line.receive_bytes(timeout=WITHIN_S)).startswith(GREETING)


async def test_a_ticket_that_nobody_shows_holds_no_line(
    running: RunningCloud, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with standing(running, layout) as stand:
        monkeypatch.setattr(lines, "TICKET_S", 0.05)
        path = (await stand.ask()).element("Path")
        async with asyncio.timeout(WITHIN_S):
            await stand.serial.left.wait()
        monkeypatch.undo()
        await stand.open()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await stand.join(path)


async def test_a_console_is_closed_to_who_may_not(running: RunningCloud, layout: Layout) -> None:
    async with standing(running, layout) as stand:
        iam = running.client("iam")

        def make_user() -> dict[str, str]:
            iam.create_user(UserName="reader")
            made = iam.create_access_key(UserName="reader")["AccessKey"]
            return {
                "access_key_id": made["AccessKeyId"],
                "secret_access_key": made["SecretAccessKey"],
            }

        reader = await asyncio.to_thread(make_user)
        assert (await stand.ask(reader)).code == "AccessDenied"
        may = {"Effect": "Allow", "Action": "mallee:OpenConsole", "Resource": "*"}
        may["Resource"] = f"arn:aws:ec2:us-east-1:*:instance/{stand.instance}"
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        await stand.call(
            "iam", "PutUserPolicy", UserName="reader", PolicyName="p", PolicyDocument=policy
        )
        line = await stand.open(reader)
        await line.close()
        made = await stand.call("mallee", "CreateAccount", AccountName="foreign")
        foreign = {
            "access_key_id": made.element("AccessKeyId"),
            "secret_access_key": made.element("SecretAccessKey"),
        }
        assert (await stand.ask(foreign)).code == "InvalidInstanceID.NotFound"
        forged = {**running.admin, "secret_access_key": "x" * 40}
        assert (await stand.ask(forged)).status == 403


async def test_one_account_has_so_many_lines_and_leaves_the_others_some(
    running: RunningCloud, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consoles, "PER_ACCOUNT_MAX", 1)
    async with standing(running, layout) as stand:
        line = await stand.open()
        refused = await stand.call("mallee", "OpenScreen", InstanceId=stand.instance)
        assert (refused.status, refused.code) == (409, "LimitExceeded")
        await line.close()
        await (await stand.open()).close()


async def test_a_console_is_closed_unless_the_account_has_opened_it(
    running: RunningCloud, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "CHECK_S", 0.02)
    async with standing(running, layout) as stand:
        line = await stand.open()
        told = await stand.call("ec2", "DisableSerialConsoleAccess")
        assert told.element("serialConsoleAccessEnabled") == "false"
        # Who is at it is asked to leave.
        assert await close_of(line) == lines.NO_MORE
        assert (await stand.ask()).code == "SerialConsoleAccessDisabled"
        await stand.call("ec2", "EnableSerialConsoleAccess")
        status = await stand.call("ec2", "GetSerialConsoleAccessStatus")
        assert status.element("serialConsoleAccessEnabled") == "true"
        await stand.open()


async def test_a_line_ends_with_its_callers_key(
    running: RunningCloud, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "CHECK_S", 0.02)
    async with standing(running, layout) as stand:
        made = await stand.call("iam", "CreateAccessKey", UserName="admin")
        key = {
            "access_key_id": made.element("AccessKeyId"),
            "secret_access_key": made.element("SecretAccessKey"),
        }
        line = await stand.open(key)
        await stand.call(
            "iam",
            "UpdateAccessKey",
            UserName="admin",
            AccessKeyId=key["access_key_id"],
            Status="Inactive",
        )
        assert await close_of(line) == lines.NO_MORE


async def test_a_silent_line_is_closed(
    running: RunningCloud, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "CHECK_S", 0.02)
    async with standing(running, layout) as stand:
        line = await stand.open()
        monkeypatch.setattr(lines, "IDLE_S", 0.0)
        assert await close_of(line) == lines.IDLE


@pytest.mark.parametrize("who", ["guest", "agent", "cloud"])
async def test_a_line_ends_when_a_part_of_it_does(
    running: RunningCloud, layout: Layout, who: str
) -> None:
    async with standing(running, layout) as stand:
        line = await stand.open()
        if who == "guest":
            stand.serial.writers[-1].transport.abort()
        elif who == "agent":
            stand.end_agent.set()
        else:
            await asyncio.to_thread(running.stop)
        assert await close_of(line) != lines.NO_MORE


async def test_what_does_not_run_has_no_line(running: RunningCloud, layout: Layout) -> None:
    async with standing(running, layout) as stand:
        ec2 = running.client("ec2")
        await asyncio.to_thread(ec2.stop_instances, InstanceIds=[stand.instance])
        await talks.wait_until(lambda: talks.state_of(ec2, stand.instance) == "stopped")
        assert (await stand.ask()).code == "IncorrectInstanceState"


async def test_an_instance_whose_console_cannot_be_opened_says_so(
    running: RunningCloud, layout: Layout
) -> None:
    async with standing(running, layout) as stand:
        (domain.directory_of(layout, stand.instance) / domain.CONSOLE_SOCKET).unlink()
        refused = await stand.ask()
        assert refused.code == "Unavailable"
        assert "console cannot be opened" in refused.message


async def test_a_host_that_answers_anything_but_with_a_line_gives_none(
    running: RunningCloud, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def say_nonsense(door: doors.Cloud, ask_id: str, guest: socket.socket) -> None:
        guest.close()
        await door.answer(ask_id, b"\xff\xfe")

    async with standing(running, layout) as stand:
        monkeypatch.setattr(ends, "carry", say_nonsense)
        answer = await stand.ask()
        assert (answer.status, answer.code) == (400, "SerialConsoleSessionLimitExceeded")


async def test_no_host_brings_a_line_that_it_was_not_asked_for(
    running: RunningCloud, layout: Layout
) -> None:
    async with standing(running, layout):
        member = membership.read(layout)
        assert member is not None
        door = doors.Cloud(layout, member)
        try:
            with pytest.raises(doors.Refused):
                await door.open_line("0" * 32)
        finally:
            await door.close()


async def test_a_screen_is_a_line_of_its_own(running: RunningCloud, layout: Layout) -> None:
    async with standing(running, layout) as stand:
        serial = await stand.open()
        opened = await stand.call("mallee", "OpenScreen", InstanceId=stand.instance)
        url = stand.cloud.url + opened.element("Path")
        screen = await stand.session.ws_connect(url, protocols=("binary",))
        assert screen.protocol == "binary"
        assert await screen.receive_bytes(timeout=WITHIN_S) == VNC_GREETING
        assert await close_of(screen) == lines.ENDED
        await serial.send_bytes(b"still there")
        assert await serial.receive_bytes(timeout=WITHIN_S) == b"still there"
        await stand.call("ec2", "DisableSerialConsoleAccess")
        refused = await stand.call("mallee", "OpenScreen", InstanceId=stand.instance)
        assert refused.code == "SerialConsoleAccessDisabled"
