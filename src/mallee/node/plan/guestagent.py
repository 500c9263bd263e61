"""The words that the host and a guest's agent exchange: QEMU's guest agent protocol, as JSON lines.

What a guest answers is believed for nothing but itself: that it answers, or how many file systems
it holds still. Pure; `node.guestagents` asks.
"""

import msgspec

PING = '{"execute": "guest-ping"}'
POWER_OFF = '{"execute": "guest-shutdown", "arguments": {"mode": "powerdown"}}'
FREEZE = '{"execute": "guest-fsfreeze-freeze"}'
THAW = '{"execute": "guest-fsfreeze-thaw"}'
ANSWER_CHARACTERS_MAX = 64 << 10


class Refused(Exception):
    """The guest's agent says that it cannot, or nothing that can be understood."""


class _Told(msgspec.Struct):
    desc: str = ""


class _Counted(msgspec.Struct):
    returned: int | None = msgspec.field(default=None, name="return")
    error: _Told | None = None


def read_count(answer: str) -> int:
    """Return how many file systems an answer to `FREEZE` or `THAW` is about; raise `Refused`."""
    try:
        told = msgspec.json.decode(answer[:ANSWER_CHARACTERS_MAX], type=_Counted)
    except msgspec.MsgspecError as error:
        raise Refused("its answer cannot be understood") from error
    if told.error is not None:
        raise Refused("".join(c for c in told.error.desc[:200] if c.isprintable()))
    if told.returned is None or told.returned < 0:
        raise Refused("its answer cannot be understood")
    return told.returned
