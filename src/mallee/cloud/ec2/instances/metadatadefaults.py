"""What an account's instances are launched with when a launch says nothing of metadata options.

Called through the action table, and by `launchrequest` (`options_of`). What a request or a launch
template says goes first; instances that are there keep theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import accountsettings
from mallee.model.compute.instances import MetadataOptions
from mallee.model.identity.accountsettings import MetadataDefaults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mallee.aws.types import ec2 as shapes

NO_PREFERENCE = "no-preference"
NO_HOPS = -1
"""Says the same of the number of hops."""
HOPS_MAX = 64
_MEMBERS = {
    "HttpEndpoint": "http_endpoint",
    "HttpTokens": "http_tokens",
    "HttpPutResponseHopLimit": "http_put_response_hop_limit",
    "InstanceMetadataTags": "instance_metadata_tags",
}
"""By the members of requests and results: those of what is kept, and of an instance's options."""


def options_of(call: Call) -> MetadataOptions:
    """Return the options of an instance of whose options nothing else is said."""
    kept = accountsettings.of(call.view, call.account).metadata
    said: dict[str, Any] = {name: getattr(kept, name) for name in _MEMBERS.values()}
    return replace(MetadataOptions(), **{k: v for k, v in said.items() if v is not None})


def modify_defaults(
    call: WriteCall, request: shapes.ModifyInstanceMetadataDefaultsRequest
) -> shapes.ModifyInstanceMetadataDefaultsResult:
    """Change those that are named; `no-preference` takes one back."""
    settings = accountsettings.of(call.tx, call.account)
    given = cast("Mapping[str, Any]", request)
    changed: dict[str, Any] = {
        kept: _wish(given[name]) for name, kept in _MEMBERS.items() if name in given
    }
    defaults: MetadataDefaults = replace(settings.metadata, **changed)
    accountsettings.write(call.tx, call.account, replace(settings, metadata=defaults))
    return {"Return": True}


def get_defaults(
    call: Call, _: shapes.GetInstanceMetadataDefaultsRequest
) -> shapes.GetInstanceMetadataDefaultsResult:
    """Tell those that are set."""
    kept = accountsettings.of(call.view, call.account).metadata
    if kept == MetadataDefaults():
        return {"AccountLevel": {}}
    return {
        "AccountLevel": {
            "HttpEndpoint": kept.http_endpoint,
            "HttpTokens": kept.http_tokens,
            "HttpPutResponseHopLimit": kept.http_put_response_hop_limit,
            "InstanceMetadataTags": kept.instance_metadata_tags,
            "ManagedBy": "account",
        }
    }


def _wish(given: str | int) -> str | int | None:
    if given in (NO_PREFERENCE, NO_HOPS):
        return None
    if isinstance(given, int) and not 1 <= given <= HOPS_MAX:
        raise errors.InvalidParameterValue(
            f"Value ({given}) for parameter HttpPutResponseHopLimit is invalid. It ranges from 1 "
            f"to {HOPS_MAX}, or is {NO_HOPS} for no preference."
        )
    return given


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ModifyInstanceMetadataDefaults",
        does=Write(handle=modify_defaults),
        honours=frozenset(_MEMBERS),
    ),
    Action(
        service="ec2",
        name="GetInstanceMetadataDefaults",
        does=Read(handle=get_defaults),
        honours=frozenset(),
    ),
)
