"""What hosts find when they look at themselves and at their network: the half of `mallee doctor`
that is not on one machine.

Called through the action table: `CheckHost`, one question to one host's agent. What the answers
together mean is for who asks (`mallee.box.rounds`): he asks several hosts at once.
"""

from typing import Any

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, AskHost
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.hosts import asks, standings
from mallee.cloud.state import records
from mallee.model import checks
from mallee.model.checks import CheckAsk, CheckTold, Finding, Kind

_SHOWN_MAX = 4096
_told = msgspec.json.Decoder(CheckTold)


def prepare(call: Call, request: Request) -> tuple[str, str, str, str]:
    """Return which host to ask, and what it shall look at."""
    host = call.view.get(records.HOST, request["HostId"])
    if host is None:
        raise errors.NoSuchResource("host", request["HostId"])
    if not standings.is_member(host):
        raise errors.IncorrectState(f"The host {host.doc.name} is retired: it takes part no more.")
    kind = Kind(request["Kind"])
    if kind is not Kind.HOST and not host.doc.address:
        raise errors.InvalidInput(
            f"Nobody has told at which address other hosts reach {host.doc.name}: "
            "mallee hosts change, --address."
        )
    asked = CheckAsk(
        kind=kind,
        address=host.doc.address,
        addresses=tuple(request.get("Addresses") or ()),
        vlans=tuple(request.get("Vlans") or ()),
        nonce=request.get("Nonce") or "",
    )
    return host.id, checks.ASK_CHECK, "", msgspec.json.encode(asked).decode()


def finish(call: Call, request: Request, answer: bytes) -> Result:
    """Turn the host's answer into the result; a host is believed about itself alone."""
    try:
        told = _told.decode(answer)
    except msgspec.DecodeError as error:
        raise errors.Unavailable("The host's answer is none to a check.") from error
    return {
        "HostId": request["HostId"],
        "Now": told.now,
        "CloudNow": call.now,
        "Findings": [_finding(one) for one in told.findings[:_SHOWN_MAX]],
        "Paths": [
            {
                "Address": _plain(one.address),
                "Sent": one.sent,
                "Answered": one.answered,
                "TookMilliseconds": one.took_ms,
                "PacketBytesMax": one.packet_max,
                "Mtu": one.mtu,
            }
            for one in told.paths[: checks.PATHS_MAX]
        ],
        "Heard": [
            {"Mac": _plain(one.mac), "Vlan": one.vlan} for one in told.heard[: checks.HEARD_MAX]
        ],
        "Neighbours": [
            {"Address": _plain(one.address), "Mac": _plain(one.mac) or None}
            for one in told.neighbours[:_SHOWN_MAX]
        ],
        "Macs": [_plain(one) for one in told.macs[:_SHOWN_MAX]],
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "Subject": _plain(one.subject),
        "IsWell": one.ok,
        "Text": _plain(one.text),
        "Code": _plain(one.code) or None,
        "Cause": _plain(one.cause) or None,
        "Cure": _plain(one.cure) or None,
    }


def _plain(text: str) -> str:
    return asks.read_words(text.encode())


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="CheckHost",
        does=AskHost(prepare=prepare, finish=finish),
        honours=frozenset({"HostId", "Kind", "Addresses", "Vlans", "Nonce"}),
        cloud_admin_only=True,
    ),
)
