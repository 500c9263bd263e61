"""Whether a guest's SSH answers: who waits for it asks again and again.

Called by `faststart` and by `mallee ssh`. Not its business: why it may not, and for how long
somebody waits.
"""

import socket

PORT = 22
GREETING = b"SSH-"
"""How everything begins that an SSH server says (RFC 4253, 4.2)."""
_LOOK_S = 2.0


def silence(address: str) -> str:
    """Return why no SSH server greets at an address; empty: one does."""
    try:
        with socket.create_connection((address, PORT), timeout=_LOOK_S) as link:
            said = link.recv(len(GREETING))
    except OSError as error:
        return error.strerror or str(error)
    return "" if said == GREETING else "who is there speaks no SSH"
