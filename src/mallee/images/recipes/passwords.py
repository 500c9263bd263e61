"""Passwords for users of an image, as Linux keeps them: salted, slow to guess, never in plain.

SHA-512 of crypt(3), because every guest here knows it, the smallest too. The salt follows from the
recipe and the user, so that the same recipe gives the same image; it says nothing of the password.
"""

import base64
import ctypes
import hashlib
import re

ROUNDS = 300_000
_SALT_CHARACTERS = 16
_HASH = re.compile(r"\$(?:y|gy|7|2[aby]|6|5)\$[./A-Za-z0-9$=,-]+")

_libcrypt = ctypes.CDLL("libcrypt.so.1")
_libcrypt.crypt.restype = ctypes.c_char_p


def hashed(password: str, recipe: str, user: str) -> str:
    """Return what stands in `/etc/shadow` for a password."""
    digest = hashlib.sha256(f"{recipe}\0{user}".encode()).digest()
    salt = base64.b64encode(digest, altchars=b"./").decode()[:_SALT_CHARACTERS]
    made: bytes | None = _libcrypt.crypt(password.encode(), f"$6$rounds={ROUNDS}${salt}".encode())
    if not made or not made.startswith(b"$6$"):
        raise ValueError("crypt(3) of this machine does not know SHA-512")
    return made.decode()


def is_hash(text: str) -> bool:
    """Tell whether a text is a hash of crypt(3) that guests understand, and nothing weak."""
    return _HASH.fullmatch(text) is not None
