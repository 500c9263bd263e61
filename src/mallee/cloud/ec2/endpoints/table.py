"""The rows of VPC endpoints, joined from their nouns; `vpc.table`'s neighbour."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.endpoints import endpointlisting, endpoints, endpointservices

ACTIONS: tuple[Action, ...] = (
    *endpointlisting.ACTIONS,
    *endpoints.ACTIONS,
    *endpointservices.ACTIONS,
)
