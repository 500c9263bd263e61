"""What a chain says about itself: the lines that its writer adds of his own.

Written by `writer`, read by `verify`. A line that another than the writer made up means nothing,
whatever it says, because its code is not right.
"""

from typing import Annotated

import msgspec

from mallee.kit.chain import lines
from mallee.kit.chain.recovery import Torn

_Hex = Annotated[str, msgspec.Meta(pattern=rf"^([0-9a-f]{{{2 * lines.CODE_BYTES}}})?$")]


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line about the chain."""

    at: str = ""
    chain: str = ""
    """`began`, `resumed` by another process, `continued` in another file, `forgot`, `dropped`."""
    torn: tuple[Torn, ...] = ()
    """What crashes left at the ends of files."""
    missing: int | None = None
    """The number up to which the head says that lines were on the disk, and they are not there."""
    headless: bool = False
    """Whether the head file was gone."""
    through: int = -1
    """The last line of those that were forgotten, with its code."""
    through_hex: _Hex = ""
    lines: int = 0
    """How many were dropped."""

    @property
    def through_code(self) -> bytes:
        """The code of the last line that was forgotten."""
        return bytes.fromhex(self.through_hex)
