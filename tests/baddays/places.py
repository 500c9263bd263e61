"""Where the clouds of bad days listen, and which ranges they use.

The network namespace of the test process is the host, and other tests' clouds may live in it too.
A cloud that is killed must come back where its clients look for it, so port 0 will not do: the
ports are free ones that are chosen once.
"""

from mallee.model.configuration.settings import Network, Ports, Settings
from tests import freeports


def settings(public_range: str, ports: Ports | None = None) -> Settings:
    """Settings of a cloud with that public range and ports of its own."""
    return Settings(
        ports=ports or freeports.ports(),
        network=Network(public_range=public_range, egress=False),
    )


SHARED = settings("198.51.100.0/24")
"""Of the cloud that a worker's tests share."""
