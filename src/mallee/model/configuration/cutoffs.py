"""Which hosts would not reach the cloud any more, were it to listen elsewhere.

Pure. A host calls at the address that its invitation named, which the cloud knows by its settings
alone: what is said here is a warning, not an obstacle, for something between may bring calls on.
Called by `settingschanges`.
"""

import ipaddress

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def cut_off(calls: str, listen: str, *, is_own: bool) -> str:
    """Return why a host would be cut off by `listen`; empty: it would not, as far as is known.

    `calls` is the address at which it calls, a name, or empty where that is not known; `is_own`:
    whether it is on the cloud's machine.
    """
    heard, called = _address(listen), _address(calls)
    if heard is None:
        return ""
    if heard.is_unspecified:
        if called is None or called.version == heard.version:
            return ""
        return f"is cut off: it calls at {calls}, and {listen} has IPv{heard.version} alone"
    if heard.is_loopback and not is_own:
        return f"is cut off: nothing of another machine comes to {listen}"
    if called is None:
        return f"is cut off unless it calls at {listen}" if not is_own else ""
    return "" if called == heard else f"is cut off: it calls at {calls}, which is not {listen}"


def _address(text: str) -> _Address | None:
    """Return an address; None: it is a name, or nothing."""
    try:
        return ipaddress.ip_address("127.0.0.1" if text == "localhost" else text.strip("[]"))
    except ValueError:
        return None
