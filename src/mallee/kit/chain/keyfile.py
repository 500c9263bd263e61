"""The key of a chain: a file of its own, made once, read by who writes the chain or verifies it.

It is derived from no other key and rotated with none: the oldest line is proved by it as much as
the newest.
"""

import os
import re
from pathlib import Path

from mallee.kit import files
from mallee.kit.chain import lines


class BadKey(Exception):
    """The key file can be read by others, or holds no key; the message says what to do."""


def load_or_create(path: Path) -> bytes:
    """Return the key, made when there is none; raise `BadKey`."""
    if not path.exists():
        files.create_atomically(path, os.urandom(lines.KEY_BYTES).hex().encode() + b"\n")
    return load(path)


def load(path: Path) -> bytes:
    """Return the key; raise `BadKey`, or `FileNotFoundError` where there is none."""
    with files.open_own(path) as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise BadKey(f"{path} can be read by others; set it right: chmod 600 {path}")
        text = file.read(1000).decode("ascii", "replace").strip()
    if not re.fullmatch(rf"[0-9a-f]{{{2 * lines.KEY_BYTES}}}", text):
        raise BadKey(f"{path} must hold {2 * lines.KEY_BYTES} hexadecimal digits")
    return bytes.fromhex(text)
