"""All rows of IAM, joined from its nouns; the action table of the whole cloud takes them from here.

A row stands at the end of its noun's file. What a row's requests are about, for the authorization
stage, is found by `arns`, the same for all.
"""

import dataclasses

from mallee.cloud.action import Action
from mallee.cloud.iam import (
    accesskeys,
    accounts,
    arns,
    attachments,
    authorizationdetails,
    credentialreport,
    groups,
    instanceprofiles,
    lastaccess,
    loginprofiles,
    managed,
    mfa,
    oidcproviders,
    passwordpolicies,
    roles,
    samlproviders,
    servercertificates,
    servicecredentials,
    servicelinkedroles,
    signingcertificates,
    simulator,
    sshpublickeys,
    users,
)

_ROWS: tuple[Action, ...] = (
    *accesskeys.ACTIONS,
    *accounts.ACTIONS,
    *attachments.ACTIONS,
    *authorizationdetails.ACTIONS,
    *credentialreport.ACTIONS,
    *groups.ACTIONS,
    *instanceprofiles.ACTIONS,
    *lastaccess.ACTIONS,
    *loginprofiles.ACTIONS,
    *managed.ACTIONS,
    *mfa.ACTIONS,
    *oidcproviders.ACTIONS,
    *passwordpolicies.ACTIONS,
    *roles.ACTIONS,
    *samlproviders.ACTIONS,
    *servercertificates.ACTIONS,
    *servicecredentials.ACTIONS,
    *servicelinkedroles.ACTIONS,
    *signingcertificates.ACTIONS,
    *simulator.ACTIONS,
    *sshpublickeys.ACTIONS,
    *users.ACTIONS,
)

ACTIONS: tuple[Action, ...] = tuple(
    dataclasses.replace(row, resources=row.resources or arns.finder(row)) for row in _ROWS
)
