"""GetConsoleScreenshot: what an instance's screen shows, as JPEG, asked of its host.

The host gives the picture as its hypervisor makes it; it is turned into JPEG here, where nothing
has rights, by one decoder that is told its form and no more dots than a screen has. Called through
the action table.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, AskHost
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.instances import power
from mallee.cloud.state import records
from mallee.model.compute.instances import State
from mallee.model.hosts import hosts

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

DOTS_MAX = 16 << 20
"""Of a picture; the video memory of an instance has room for no more."""
QUALITY = 90
_FORMS = ("PNG", "PPM")
_SHOWN_IN = frozenset({State.RUNNING, State.STOPPING, State.SHUTTING_DOWN})


def prepare(call: Call, request: shapes.GetConsoleScreenshotRequest) -> tuple[str, str, str]:
    """Return whom to ask what of which instance."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    if power.state_of(record) not in _SHOWN_IN:
        raise errors.IncorrectInstanceState(record.id, "looked at: its screen is dark")
    wakes = request.get("WakeUp", False)
    return record.doc.host_id, hosts.ASK_WAKENED_SCREEN if wakes else hosts.ASK_SCREEN, record.id


def finish(
    call: Call, request: shapes.GetConsoleScreenshotRequest, answer: bytes
) -> shapes.GetConsoleScreenshotResult:
    """Turn the host's picture into the result: JPEG in Base64, as AWS has it."""
    picture = base64.b64encode(encode_jpeg(answer)).decode()
    return {"InstanceId": request["InstanceId"], "ImageData": picture}


def encode_jpeg(picture: bytes) -> bytes:
    """Return a PNG or PPM as JPEG; raise `Unavailable` when it is none, or too large."""
    # Here and not above: few clouds are ever asked, and it is large.
    from PIL import Image, UnidentifiedImageError

    made = io.BytesIO()
    try:
        with Image.open(io.BytesIO(picture), formats=_FORMS) as shown:
            if shown.width * shown.height > DOTS_MAX:
                raise errors.Unavailable("The host's picture of the screen is too large.")
            shown.convert("RGB").save(made, "JPEG", quality=QUALITY)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise errors.Unavailable("The host's picture of the screen is broken.") from error
    return made.getvalue()


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="GetConsoleScreenshot",
        does=AskHost(prepare=prepare, finish=finish, is_slow=True),
        honours=frozenset({"InstanceId", "WakeUp"}),
    ),
)
