"""The rows of EC2's network, joined from its nouns; `ec2.table` takes them from here."""

from mallee.cloud.action import Action, Presumes, presuming
from mallee.cloud.ec2.vpc import (
    classic,
    dhcpoptions,
    subnetcidrs,
    subnetreservations,
    subnets,
    vpcattributes,
    vpccidrs,
    vpcs,
)
from mallee.cloud.ec2.vpc.addresses import addressattributes, addresses, addresstransfers
from mallee.cloud.ec2.vpc.groups import (
    networkaclentries,
    networkacls,
    publicaccess,
    securitygroupassociations,
    securitygroupdescriptions,
    securitygroupreferences,
    securitygrouprules,
    securitygroups,
)
from mallee.cloud.ec2.vpc.interfaces import (
    interfaceaddresses,
    interfaceattachments,
    interfaceattributes,
    interfacelisting,
    interfacepermissions,
    interfaces,
)
from mallee.cloud.ec2.vpc.routing import (
    egressonlygateways,
    internetgateways,
    natgatewayaddresses,
    natgateways,
    peerings,
    prefixlists,
    routes,
    routetableassociations,
    routetables,
)

_OWN_NETWORKS = presuming(
    Presumes.OWN_NETWORKS,
    *egressonlygateways.ACTIONS,
    *internetgateways.ACTIONS,
    *natgatewayaddresses.ACTIONS,
    *natgateways.ACTIONS,
    *networkaclentries.ACTIONS,
    *networkacls.ACTIONS,
    *peerings.ACTIONS,
    *publicaccess.ACTIONS,
    *routes.ACTIONS,
    *routetableassociations.ACTIONS,
    *routetables.ACTIONS,
    *securitygroupassociations.ACTIONS,
    *subnetcidrs.ACTIONS,
    *subnetreservations.ACTIONS,
    *vpccidrs.ACTIONS,
)

ACTIONS: tuple[Action, ...] = (
    *addressattributes.ACTIONS,
    *addresses.ACTIONS,
    *presuming(Presumes.PUBLIC_ADDRESSES, *addresstransfers.ACTIONS),
    *classic.ACTIONS,
    *dhcpoptions.ACTIONS,
    *interfaceaddresses.ACTIONS,
    *interfaceattachments.ACTIONS,
    *interfaceattributes.ACTIONS,
    *interfacelisting.ACTIONS,
    *interfacepermissions.ACTIONS,
    *interfaces.ACTIONS,
    *prefixlists.ACTIONS,
    *securitygroupdescriptions.ACTIONS,
    *securitygroupreferences.ACTIONS,
    *securitygrouprules.ACTIONS,
    *securitygroups.ACTIONS,
    *subnets.ACTIONS,
    *vpcattributes.ACTIONS,
    *vpcs.ACTIONS,
    *_OWN_NETWORKS,
)
