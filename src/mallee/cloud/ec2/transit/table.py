"""The rows of transit gateways, joined from their nouns; `ec2.table` takes them from here."""

from mallee.cloud.action import Action
from mallee.cloud.ec2.transit import (
    associations,
    attachments,
    peerattachments,
    prefixreferences,
    propagations,
    routeexports,
    transitgateways,
    transitroutes,
    transittables,
    vpcattachments,
)

ACTIONS: tuple[Action, ...] = (
    *associations.ACTIONS,
    *attachments.ACTIONS,
    *peerattachments.ACTIONS,
    *prefixreferences.ACTIONS,
    *propagations.ACTIONS,
    *routeexports.ACTIONS,
    *transitgateways.ACTIONS,
    *transitroutes.ACTIONS,
    *transittables.ACTIONS,
    *vpcattachments.ACTIONS,
)
