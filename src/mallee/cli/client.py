"""The command as a client of the cloud: how it is reached, and its answers to people's mistakes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mallee.aws import clientfiles
from mallee.box import client, owners, steps
from mallee.model.configuration import settings as configuration
from mallee.model.configuration.settings import Settings
from mallee.model.identity import identities
from mallee.model.layout import Layout
from mallee.node import membership


def access(layout: Layout) -> client.Access:
    """Return how the cloud is reached, with the administrator's key; raise `steps.Failed`."""
    try:
        return client.read_access(layout, owners.read_settings(layout))
    except client.Unreachable as error:
        _refuse_host(layout)
        raise steps.Failed(
            str(error), "`mallee up` starts one; `--root DIR` names another place"
        ) from error
    except PermissionError as error:
        raise steps.Failed(
            f"{error.filename} is for the machine's owner only", "run this with sudo"
        ) from error


def _refuse_host(layout: Layout) -> None:
    """Raise `steps.Failed` where the machine is a host of a cloud elsewhere."""
    member = membership.read(layout) if membership.is_node(layout) else None
    if member is not None:
        raise steps.Failed(
            f"this machine is a host of the cloud at {member.url}, and not its front end",
            "say it there; on this one: mallee status, mallee doctor, mallee logs",
        )


def taken_away(layout: Layout) -> client.Access:
    """Return the same for another machine: by the address at which others reach the cloud, where
    one is known; raise `steps.Failed`."""
    found = access(layout)
    address = configuration.reached_at(settings(layout))
    if not address:
        return found
    port = found.endpoint.rpartition(":")[2]
    place = f"[{address}]" if ":" in address else address
    return replace(found, endpoint=f"http://{place}:{port}")


def settings(layout: Layout) -> Settings:
    """Return the settings of this machine's cloud; raise `steps.Failed`."""
    return owners.read_settings(layout)


def call(
    layout: Layout, service: str, operation: str, parameters: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Call an operation of a service; raise `steps.Failed` with its error."""
    try:
        return client.call(access(layout), service, operation, parameters)
    except client.Refused as refused:
        raise steps.Failed(str(refused), "") from refused
    except client.Unreachable as silent:
        raise steps.Failed(str(silent), "`mallee status`, then `mallee up`") from silent


def environment(found: client.Access) -> dict[str, str]:
    """Return the variables that every AWS client understands."""
    return clientfiles.environment(bearer(found))


def bearer(found: client.Access, user_name: str = identities.ADMINISTRATOR) -> clientfiles.Bearer:
    """Return what the files for other clients are made from."""
    return clientfiles.Bearer(
        endpoint=found.endpoint,
        region=found.region,
        account_id=found.account_id,
        user_name=user_name,
        access_key_id=found.access_key_id,
        secret_access_key=found.secret_access_key,
    )
