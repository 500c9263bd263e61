"""All rows of the administration service, joined from its nouns.

The action table of the whole cloud takes them from here. A row stands at the end of its noun's
file.
"""

from mallee.cloud.action import Action
from mallee.cloud.admin import (
    accountpolicies,
    accounts,
    closing,
    clouds,
    credentials,
    hosts,
    invitations,
    masterkeys,
    quotas,
    registrations,
    resources,
    signin,
    users,
)

ACTIONS: tuple[Action, ...] = (
    *accountpolicies.ACTIONS,
    *accounts.ACTIONS,
    *closing.ACTIONS,
    *clouds.ACTIONS,
    *credentials.ACTIONS,
    *hosts.ACTIONS,
    *invitations.ACTIONS,
    *masterkeys.ACTIONS,
    *quotas.ACTIONS,
    *registrations.ACTIONS,
    *resources.ACTIONS,
    *users.ACTIONS,
    *signin.ACTIONS,
)
