"""What hosts find when they look at themselves and at their network: the half of `mallee doctor`
that is not on one machine.

Called through the action table: `CheckHost`, one question to one host's agent, and `FixHost`, which
has it put right what it finds. What the answers together mean is for who asks
(`mallee.box.rounds`): he asks several hosts at once. What may be put right is the agent's to say.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, AskHost
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.doors import asks
from mallee.cloud.hosts.standings import HostRecord
from mallee.cloud.state import records
from mallee.model.hosts import checks
from mallee.model.hosts.checks import CheckAsk, CheckTold, Finding, Kind, Place

_SHOWN_MAX = 4096


def prepare(call: Call, request: Request) -> tuple[str, str, str, str]:
    """Return which host to ask, and what it shall look at."""
    host = _host(call, request)
    kind = Kind(request["Kind"])
    if kind not in (Kind.HOST, Kind.HEARD) and not host.doc.address:
        raise errors.InvalidInput(
            f"Nobody has told at which address other hosts reach {host.doc.name}: "
            "mallee hosts change, --address."
        )
    asked = CheckAsk(
        kind=kind,
        address=host.doc.address,
        addresses=tuple(request.get("Addresses") or ()),
        place=Place(request.get("Place") or Place.ADDRESS.value),
        vlans=_spans(request.get("Vlans") or ()),
        nonce=request.get("Nonce") or "",
    )
    return _question(host, asked)


def prepare_fix(call: Call, request: Request) -> tuple[str, str, str, str]:
    """Return which host to ask, and what it shall put right."""
    asked = CheckAsk(kind=Kind.FIX, codes=tuple(dict.fromkeys(request["Codes"])))
    return _question(_host(call, request), asked)


def _question(host: HostRecord, asked: CheckAsk) -> tuple[str, str, str, str]:
    return host.id, checks.ASK_CHECK, "", msgspec.json.encode(asked).decode()


def _host(call: Call, request: Request) -> HostRecord:
    host = call.view.get(records.HOST, request["HostId"])
    if host is None:
        raise errors.NoSuchResource("host", request["HostId"])
    if not standings.is_member(host):
        raise errors.IncorrectState(f"The host {host.doc.name} is retired: it takes part no more.")
    return host


def _spans(texts: Sequence[str]) -> tuple[str, ...]:
    try:
        return checks.spans_of(checks.numbers_of(texts))
    except ValueError as error:
        raise errors.InvalidInput(f"VLANs are from 0 to {checks.VLAN_MAX}.") from error


def finish(call: Call, request: Request, answer: bytes) -> Result:
    """Turn the host's answer into the result; a host is believed about itself alone."""
    told = _decode(answer)
    network = call.settings.network
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
            {"Mac": _plain(one.mac), "Vlans": _texts(one.vlans)}
            for one in told.heard[: checks.HEARD_MAX]
        ],
        "Neighbours": [
            {"Address": _plain(one.address), "Mac": _plain(one.mac) or None, "Vlan": one.vlan}
            for one in told.neighbours[:_SHOWN_MAX]
        ],
        "Macs": _texts(told.macs),
        "Tunnels": _texts(told.tunnels),
        "Arrived": _texts(told.arrived),
        "Tried": _texts(told.tried),
        "Answered": _texts(told.answered),
        "Announced": [
            {"Network": _plain(one.network), "By": _plain(one.by), "How": _plain(one.how)}
            for one in told.announced[:_SHOWN_MAX]
        ],
        "Device": _plain(told.device) or None,
        "Own": _texts(told.own),
        "PublicAddresses": list(network.public_addresses or (network.public_range,)),
    }


def finish_fix(call: Call, request: Request, answer: bytes) -> Result:
    """Return what the host finds of itself afterwards."""
    told = _decode(answer)
    return {
        "HostId": request["HostId"],
        "Findings": [_finding(one) for one in told.findings[:_SHOWN_MAX]],
    }


def _decode(answer: bytes) -> CheckTold:
    try:
        return checks.unpack(answer)
    except ValueError as error:
        raise errors.Unavailable("The host's answer is none to a check.") from error


def _texts(said: Sequence[str]) -> list[str]:
    return [_plain(one) for one in said[:_SHOWN_MAX]]


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
    rows.of_administrators(
        "CheckHost",
        AskHost(prepare=prepare, finish=finish),
        "HostId",
        "Kind",
        "Addresses",
        "Vlans",
        "Place",
        "Nonce",
    ),
    rows.of_administrators(
        "FixHost", AskHost(prepare=prepare_fix, finish=finish_fix), "HostId", "Codes"
    ),
)
