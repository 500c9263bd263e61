"""An ordinary client of this cloud's APIs, for the tools that run beside it.

It signs with the first account's key and speaks each service as its vendored model has it: nothing
here could not be done with any AWS SDK. Used by `up`, `doctor`, `faststart` and the command line.

Invariant: `calls`, which speaks, is imported by the first call. It takes as long as all else that a
command imports, and many find no cloud to ask, or ask none.
"""

from collections.abc import Mapping
from typing import Any

from mallee.box.access import Access, Refused, Unreachable
from mallee.kit import files
from mallee.model.configuration import settings
from mallee.model.layout import Layout

__all__ = [
    "Access", "Refused", "Unreachable",
    "call", "forget_connections", "own_door", "read_access", "serves_objects", "stranger",
]  # fmt: skip


def read_access(layout: Layout, held: settings.Settings) -> Access:
    """Return how the cloud under this root is reached; raise `Unreachable` when it never ran."""
    ports = files.read_json(layout.cloud_ports)
    credentials = files.read_json(layout.admin_credentials)
    if ports is None or credentials is None:
        raise Unreachable(f"no cloud runs under {layout.root}")
    endpoint = f"http://{own_door(held)}:{ports['services']}"
    return Access(endpoint=endpoint, region=held.region, **credentials)


def own_door(held: settings.Settings) -> str:
    """Return at which address, as URLs have it, this machine itself reaches what listens as the
    settings say."""
    # At `::` it listens by IPv6 alone.
    door = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(held.listen, held.listen)
    return f"[{door}]" if ":" in door else door


def stranger(endpoint: str, region: str) -> Access:
    """Return what calls are made with that nobody signs."""
    return Access(
        endpoint=endpoint, region=region, account_id="", access_key_id="", secret_access_key=""
    )


def call(
    access: Access, service: str, operation: str, parameters: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Call an operation and return its result, as boto3 would.

    Raises `Refused` when the answer is an error, `Unreachable` when there is none.
    """
    from mallee.box import calls

    return calls.call(access, service, operation, parameters or {})


def serves_objects(access: Access) -> bool:
    """Tell whether S3 answers."""
    from mallee.box import calls

    return calls.serves_objects(access)


def forget_connections() -> None:
    """Let go of connections that are kept for the next call: in another network namespace, or to
    another machine at the same address, they lead nowhere."""
    from mallee.box import calls

    calls.forget_connections()
