"""HTTPS to servers that are known by a name in their certificate, and reached at any address.

The cloud's own processes and agents speak so with each other: an authority of the cloud's says
which name is whose, addresses come and go. Called where a front end asks another. Blocks. Not its
business: who is trusted (the context has that), and what is said.
"""

import http.client
import socket
import ssl
from contextlib import ExitStack


class Connection(http.client.HTTPSConnection):
    """A connection to an address whose certificate must have another name than that."""

    def __init__(
        self, place: tuple[str, int], name: str, tls: ssl.SSLContext, timeout_s: float
    ) -> None:
        """Reach `place`; each step (connecting, a read) may take so many seconds."""
        super().__init__(*place, timeout=timeout_s, context=tls)
        self._name, self._tls, self._timeout_s = name, tls, timeout_s

    def connect(self) -> None:
        """Connect; raise `OSError` when nobody of that name is there."""
        with ExitStack() as undo:
            plain = undo.enter_context(
                socket.create_connection((self.host, self.port), self._timeout_s)
            )
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._name)
            undo.pop_all()
