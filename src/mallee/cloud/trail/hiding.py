"""The parameters of a request as they may be written down: without secrets, and within bounds.

A value is hidden where the service model calls its shape sensitive, or its member has a name that
secrets have: models do not mark all of them. Bytes are only counted. Called by `events`.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from mallee.aws import model

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
"""CloudTrail's own word."""
TEXT_LENGTH_MAX = 4096
ITEMS_MAX = 100
BYTES_MAX = 16 << 10
"""Of all parameters of a request, encoded."""
NOT_MODELLED = frozenset({("ec2-instance-connect", "OpenTunnel")})
"""Operations that no model describes: their members are short texts, none of them secret."""

_SECRET_NAME = re.compile(
    r"passw|secret|privatekey|userdata|keymaterial|tokencode|authenticationcode|assertion"
    r"|(session|security|identity|access|refresh|id|join|bearer)token|credential(s|data)?$|seed",
    re.IGNORECASE,
)
_NEVER_SECRET = frozenset({"boolean", "integer", "long", "float", "double", "timestamp"})


def shown(service: str, operation: str, asked: Mapping[str, Any]) -> Any:
    """Return what may be written down of a decoded request: JSON's own types and times."""
    known = model.load(service)
    if (service, operation) in NOT_MODELLED:
        return {name: str(value)[:TEXT_LENGTH_MAX] for name, value in asked.items()}
    shape = known.operations[operation].input
    if shape is None or not asked:
        return {}
    told = _structure(known, shape, asked)
    size = len(msgspec.json.encode(told))
    return told if size <= BYTES_MAX else {"omitted": f"{size} bytes of parameters"}


def _structure(known: model.ServiceModel, shape: model.Shape, value: Mapping[str, Any]) -> Any:
    told: dict[str, Any] = {}
    for name, inner in value.items():
        member = shape.members.get(name)
        if member is None:
            # A document's members, and nothing that a model describes.
            continue
        below = known.shape(member.shape)
        is_secret = below.type not in _NEVER_SECRET and _is_secret_name(name)
        told[name] = HIDDEN if is_secret else _any(known, below, inner)
    return told


def _any(known: model.ServiceModel, shape: model.Shape, value: Any) -> Any:
    if shape.sensitive:
        return HIDDEN
    if isinstance(value, Mapping):
        inside = cast(Mapping[str, Any], value)
        if shape.type == "structure":
            return _structure(known, shape, inside)
        return _map(known, shape, inside)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, list | tuple):
        return _list(known, shape, cast(Sequence[Any], value))
    return value


def _map(known: model.ServiceModel, shape: model.Shape, value: Mapping[str, Any]) -> Any:
    below = known.shape(shape.value.shape) if shape.value else shape
    first = list(value.items())[:ITEMS_MAX]
    return {
        name: HIDDEN if _is_secret_name(name) else _any(known, below, inner)
        for name, inner in first
    }


def _list(known: model.ServiceModel, shape: model.Shape, value: Sequence[Any]) -> list[Any]:
    below = known.shape(shape.member.shape) if shape.member else shape
    told = [_any(known, below, item) for item in value[:ITEMS_MAX]]
    if len(value) > ITEMS_MAX:
        told.append(f"… and {len(value) - ITEMS_MAX} more")
    return told


def _text(value: str) -> str:
    if len(value) <= TEXT_LENGTH_MAX:
        return value
    return f"{value[:TEXT_LENGTH_MAX]}… ({len(value)} characters)"


@functools.lru_cache(4096)
def _is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name.replace("_", "").replace("-", "")) is not None
