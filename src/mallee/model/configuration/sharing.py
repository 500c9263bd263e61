"""Which settings all front ends of a cloud have the same, and which are each machine's own.

Pure. What is a machine's own is said here and nowhere else; everything that is not named is the
cloud's, and a change of it is brought to all (`rollouts`).
"""

import tomllib
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from mallee.model.configuration import settings
from mallee.model.configuration.settings import Settings

OWN = ("database_url", "listen", "address", "ports", "capacity", "volumes", "objects")
"""The settings, or tables of them, that each of several front ends has for itself."""

_USUAL = Settings()


def common(configured: Settings) -> Settings:
    """Return the settings without what is one machine's own."""
    return _with_own_of(configured, _USUAL)


def document(configured: Settings) -> str:
    """Return what all front ends have the same as a text that any of them may be shown."""
    return settings.encode(common(configured))


def adopt(own: Settings, told: str) -> Settings:
    """Return a machine's settings with what all have the same as another tells it.

    What is told of a machine's own is of no account. Raises `InvalidSettings`, where the document
    makes no sense, or not on this machine.
    """
    adopted = _with_own_of(settings.parse(told), own)
    # What is the machine's own may not go with it: an address of what is the guests' now.
    return settings.parse(settings.encode(adopted))


def differs(configured: Settings, told: str) -> bool:
    """Tell whether another front end goes by other settings than this machine, as it tells them.

    Its program may be of another version. A setting that it does not name has the usual value
    there; one that is not known here is for those to judge who know it.
    """
    theirs, usual = _by_name(told), _by_name(document(_USUAL))
    mine = _by_name(document(configured))
    return any(theirs.get(name, usual[name]) != value for name, value in mine.items())


def is_own(name: str) -> bool:
    """Tell whether a setting, such as `ports.services`, is the machine's own."""
    return name.partition(".")[0] in OWN


def _with_own_of(configured: Settings, whose: Settings) -> Settings:
    return msgspec.structs.replace(configured, **{name: getattr(whose, name) for name in OWN})


def _by_name(told: str) -> dict[str, object]:
    return dict(_named("", tomllib.loads(told)))


def _named(prefix: str, table: dict[str, Any]) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _named(f"{prefix}{key}.", cast(dict[str, Any], value))
        else:
            yield f"{prefix}{key}", value
