"""All rows of the administration service, joined from its nouns.

The action table of the whole cloud takes them from here. A row stands at the end of its noun's
file.
"""

from mallee.cloud.action import Action
from mallee.cloud.admin import addressblocks, buckets, ipam, webhooks
from mallee.cloud.admin.hosts import (
    authorities,
    checks,
    clouds,
    frontends,
    hosts,
    masterkeys,
    migrations,
    rollouts,
    services,
    zones,
)
from mallee.cloud.admin.instances import (
    consoles,
    events,
    instancetypes,
    launching,
    packets,
    resources,
    traces,
)
from mallee.cloud.admin.people import (
    access,
    accountpolicies,
    accounts,
    calls,
    closing,
    credentials,
    imports,
    invitations,
    quotas,
    registrations,
    signin,
    users,
)
from mallee.cloud.iam import oidcproviders

ACTIONS: tuple[Action, ...] = (
    *access.ACTIONS,
    *accountpolicies.ACTIONS,
    *accounts.ACTIONS,
    *addressblocks.ACTIONS,
    *buckets.ACTIONS,
    *calls.ACTIONS,
    *checks.ACTIONS,
    *closing.ACTIONS,
    *clouds.ACTIONS,
    *consoles.ACTIONS,
    *credentials.ACTIONS,
    *events.ACTIONS,
    *frontends.ACTIONS,
    *hosts.ACTIONS,
    *imports.ACTIONS,
    *instancetypes.ACTIONS,
    *invitations.ACTIONS,
    *ipam.ACTIONS,
    *launching.ACTIONS,
    *masterkeys.ACTIONS,
    *authorities.ACTIONS,
    *migrations.ACTIONS,
    oidcproviders.KEYS,
    *packets.ACTIONS,
    *quotas.ACTIONS,
    *registrations.ACTIONS,
    *resources.ACTIONS,
    *rollouts.ACTIONS,
    *services.ACTIONS,
    *users.ACTIONS,
    *signin.ACTIONS,
    *traces.ACTIONS,
    *webhooks.ACTIONS,
    *zones.ACTIONS,
)
