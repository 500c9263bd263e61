"""Regions: this cloud is one region, named by its settings.

Called through the action table. Zones of the region are in `zones`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

OPT_IN_STATUS = "opt-in-not-required"


def _find(call: Call, request: shapes.DescribeRegionsRequest) -> Iterable[str]:
    wanted: list[str] = request.get("RegionNames") or []
    for name in wanted:
        if name != call.settings.region:
            raise errors.InvalidParameterValue(f"Invalid region provided: [{name}]")
    return [call.settings.region]


def _endpoint(call: Call) -> str:
    return f"{call.settings.listen}:{call.settings.ports.services}"


def _render(call: Call, region: str) -> shapes.Region:
    return {"RegionName": region, "Endpoint": _endpoint(call), "OptInStatus": OPT_IN_STATUS}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeRegions",
        does=Listing(
            find=_find,
            render=_render,
            member="Regions",
            filters={
                "region-name": lambda call, region: (region,),
                "endpoint": lambda call, region: (_endpoint(call),),
                "opt-in-status": lambda call, region: (OPT_IN_STATUS,),
            },
            key=lambda region: region,
        ),
        honours=frozenset({"RegionNames", "AllRegions"}),
    ),
)
