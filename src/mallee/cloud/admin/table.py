"""All rows of the administration service, joined from its nouns.

The action table of the whole cloud takes them from here. A row stands at the end of its noun's
file.
"""

from mallee.cloud.action import Action
from mallee.cloud.admin import (
    access,
    accountpolicies,
    accounts,
    buckets,
    calls,
    closing,
    clouds,
    consoles,
    credentials,
    events,
    hosts,
    imports,
    instancetypes,
    invitations,
    ipam,
    launching,
    masterkeys,
    packets,
    quotas,
    registrations,
    resources,
    services,
    signin,
    traces,
    users,
    webhooks,
    zones,
)
from mallee.cloud.iam import oidcproviders

ACTIONS: tuple[Action, ...] = (
    *access.ACTIONS,
    *accountpolicies.ACTIONS,
    *accounts.ACTIONS,
    *buckets.ACTIONS,
    *calls.ACTIONS,
    *closing.ACTIONS,
    *clouds.ACTIONS,
    *consoles.ACTIONS,
    *credentials.ACTIONS,
    *events.ACTIONS,
    *hosts.ACTIONS,
    *imports.ACTIONS,
    *instancetypes.ACTIONS,
    *invitations.ACTIONS,
    *ipam.ACTIONS,
    *launching.ACTIONS,
    *masterkeys.ACTIONS,
    oidcproviders.KEYS,
    *packets.ACTIONS,
    *quotas.ACTIONS,
    *registrations.ACTIONS,
    *resources.ACTIONS,
    *services.ACTIONS,
    *users.ACTIONS,
    *signin.ACTIONS,
    *traces.ACTIONS,
    *webhooks.ACTIONS,
    *zones.ACTIONS,
)
