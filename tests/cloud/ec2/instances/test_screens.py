"""Screens of instances: JPEG of what the host gives, of one's own running instances only."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from mallee.aws import errors
from mallee.cloud.ec2.instances import screens
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.world import FakeHost, Front


def picture(form: str, size: tuple[int, int] = (720, 400)) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, (0, 0, 170)).save(made, form)
    return made.getvalue()


@pytest.fixture
def running(alice: Any, host: FakeHost) -> str:
    made = launch_one(alice)["InstanceId"]
    host.settle()
    return made


@pytest.mark.parametrize("form", ["PNG", "PPM"])
@pytest.mark.parametrize("wakes", [False, True])
def test_the_screen_is_asked_of_the_host_and_comes_as_jpeg(
    front: Front, host: FakeHost, running: str, form: str, wakes: bool
) -> None:
    answering = front.answer_next_ask(host.id, picture(form))
    told = front.client("alice").get_console_screenshot(InstanceId=running, WakeUp=wakes)
    asked = answering.result(60)
    assert (asked.kind, asked.instance_id) == ("wakened-screen" if wakes else "screen", running)
    assert told["InstanceId"] == running
    with Image.open(io.BytesIO(base64.b64decode(told["ImageData"]))) as shown:
        assert (shown.format, shown.size) == ("JPEG", (720, 400))
        red, _, blue = shown.convert("RGB").getpixel((10, 10))  # pyright: ignore
    assert red < 10
    assert blue > 160


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"P6 9 9 255 short",
        picture("GIF"),
        picture("PNG")[:-40],
        b"P6 99999999 99999999 255 ",
        picture("PNG", (8192, 4096)),
    ],
)
def test_what_is_no_screens_picture_is_not_passed_on(given: bytes) -> None:
    with pytest.raises(errors.Unavailable):
        screens.encode_jpeg(given)


def test_what_does_not_run_has_no_screen(alice: Any, host: FakeHost, running: str) -> None:
    alice.stop_instances(InstanceIds=[running])
    host.settle()
    assert refusal(alice.get_console_screenshot, InstanceId=running) == "IncorrectInstanceState"


def test_screens_of_others_are_not_there(alice: Any, bob: Any, running: str) -> None:
    assert refusal(bob.get_console_screenshot, InstanceId=running) == "InvalidInstanceID.NotFound"
    assert refusal(alice.get_console_screenshot, InstanceId=running, DryRun=True) == (
        "DryRunOperation"
    )
