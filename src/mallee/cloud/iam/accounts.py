"""The account as IAM shows it: its alias, and how much of everything it has.

Called through the action table. Making accounts is the administration's business (`admin`).
"""

from collections.abc import Mapping

import msgspec

from mallee.aws import errors
from mallee.cloud import quotas
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import (
    accesskeys,
    attachments,
    groups,
    managed,
    mfa,
    roles,
    signingcertificates,
    users,
)
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.identity import quotas as keys
from mallee.model.identity.accounts import Account

ALIASES = "account-alias"
"""Claim space: account id by alias."""

ACCOUNT_ID_LENGTH = 12

COUNTED: Mapping[str, str] = {
    "Users": keys.USERS,
    "Groups": keys.GROUPS,
    "Roles": keys.ROLES,
    "Policies": keys.POLICIES,
    "InstanceProfiles": keys.INSTANCE_PROFILES,
    "ServerCertificates": keys.SERVER_CERTIFICATES,
}
"""What is counted and limited in an account, by the name that the summary has for it."""


def list_account_aliases(call: Call, request: Request) -> Result:
    """List the account's alias, if it has one."""
    alias = users.account_of(call).alias
    return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}


def create_account_alias(call: WriteCall, request: Request) -> Result:
    """Give the account an alias in place of the one it had."""
    alias: str = request["AccountAlias"]
    if len(alias) == ACCOUNT_ID_LENGTH and alias.isdecimal():
        raise errors.InvalidInput("The account alias must not be a 12-digit number.")
    record = _own(call)
    try:
        call.tx.claim(ALIASES, alias, call.account)
    except store.Taken as taken:
        raise errors.EntityAlreadyExists("Account alias", alias) from taken
    if record.doc.alias is not None and record.doc.alias != alias:
        call.tx.release(ALIASES, record.doc.alias)
    call.tx.write(record, msgspec.structs.replace(record.doc, alias=alias))
    return {}


def delete_account_alias(call: WriteCall, request: Request) -> Result:
    """Take the account's alias away."""
    alias: str = request["AccountAlias"]
    record = _own(call)
    if record.doc.alias != alias:
        raise errors.NoSuchEntity("Account Alias", alias)
    call.tx.release(ALIASES, alias)
    call.tx.write(record, msgspec.structs.replace(record.doc, alias=None))
    return {}


def get_account_summary(call: Call, request: Request) -> Result:
    """Count what the account has. What this cloud has no notion of is not counted."""
    policies = call.view.list(records.POLICY, call.account)
    return {
        "SummaryMap": {
            **{name: quotas.total(call.view, call.account, key) for name, key in COUNTED.items()},
            **{
                f"{name}Quota": quotas.most(call.view, call.account, key)
                for name, key in COUNTED.items()
            },
            "PolicyVersionsInUse": sum(len(policy.doc.versions) for policy in policies),
            **_sizes(),
            **_of_administrator(call),
            **_devices(call),
            "Providers": len(call.view.list(records.OIDC_PROVIDER, call.account))
            + len(call.view.list(records.SAML_PROVIDER, call.account)),
        }
    }


def _sizes() -> dict[str, int]:
    """Return how much there may be of what is not counted."""
    return {
        **{f"{one.noun}PolicySizeQuota": one.inline_max for one in attachments.HOLDINGS},
        **{
            f"AttachedPoliciesPer{one.noun}Quota": attachments.ATTACHED_MAX
            for one in attachments.HOLDINGS
        },
        "AccessKeysPerUserQuota": accesskeys.MAX_PER_USER,
        "AssumeRolePolicySizeQuota": roles.TRUST_SIZE_MAX,
        "GroupsPerUserQuota": groups.GROUPS_PER_USER_MAX,
        "PolicySizeQuota": managed.SIZE_MAX,
        "SigningCertificatesPerUserQuota": signingcertificates.MAX_PER_USER,
        "VersionsPerPolicyQuota": managed.VERSIONS_MAX,
        # Tokens of every region are good in every region: there is one.
        "GlobalEndpointTokenVersion": 2,
    }


def _of_administrator(call: Call) -> dict[str, int]:
    """Return how well he is protected who stands where AWS has the root user."""
    id = users.account_of(call).admin_user_id
    keys = call.view.by(records.ACCESS_KEY, "user", id)
    certificates = call.view.by(records.SIGNING_CERTIFICATE, "user", id)
    return {
        "AccountAccessKeysPresent": int(any(key.doc.status == "Active" for key in keys)),
        "AccountPasswordPresent": int(call.view.get(records.LOGIN_PROFILE, id) is not None),
        "AccountMFAEnabled": int(bool(mfa.of_user(call.view, id))),
        "AccountSigningCertificatesPresent": int(bool(certificates)),
    }


def _devices(call: Call) -> dict[str, int]:
    devices = call.view.list(records.MFA_DEVICE, call.account)
    in_use = sum(device.doc.user_id is not None for device in devices)
    return {"MFADevices": len(devices), "MFADevicesInUse": in_use}


def _own(call: WriteCall) -> Record[Account, None]:
    record = call.tx.get(records.ACCOUNT, call.account)
    assert record is not None, "the signature was made with a key of this account"
    return record


ACTIONS: tuple[Action, ...] = (
    Action(
        service="iam",
        name="ListAccountAliases",
        does=Read(handle=list_account_aliases),
        # One alias fits every page.
        honours=frozenset({"MaxItems"}),
    ),
    Action(
        service="iam",
        name="CreateAccountAlias",
        does=Write(handle=create_account_alias),
        honours=frozenset({"AccountAlias"}),
    ),
    Action(
        service="iam",
        name="DeleteAccountAlias",
        does=Write(handle=delete_account_alias),
        honours=frozenset({"AccountAlias"}),
    ),
    Action(
        service="iam",
        name="GetAccountSummary",
        does=Read(handle=get_account_summary),
        honours=frozenset(),
    ),
)
