"""Account policies: what the cloud's administration sets over an account and everybody in it.

Eucalyptus' notion: their denials hold for the account's administrator too, their `Effect: Limit`
are its quotas, and their allowances give nothing. Called through the action table. Not its
business: how they are weighed (`rights`, `aws.policy`) and counted (quotas).
"""

from msgspec.structs import replace

from mallee.aws import errors, policy
from mallee.cloud import quotas
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.admin.people import accounts
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities

POLICIES_MAX = 10
SIZE_MAX = 6144
"""Characters of one, without white space."""


def put_account_policy(call: WriteCall, request: Request) -> Result:
    """Set a policy over an account, in place of the one of that name."""
    record = accounts.tenant(call, request["AccountName"])
    text: str = request["PolicyDocument"]
    if policy.size(text) > SIZE_MAX:
        raise errors.LimitExceeded("PolicySize", SIZE_MAX)
    quotas.refuse_meaningless(policy.parse(text, policy.Kind.ACCOUNT))
    policies = {**record.doc.policies, request["PolicyName"]: text}
    if len(policies) > POLICIES_MAX:
        raise errors.LimitExceeded("PoliciesPerAccount", POLICIES_MAX)
    call.tx.write(record, replace(record.doc, policies=policies))
    return {}


def get_account_policy(call: Call, request: Request) -> Result:
    """Show a policy, percent-encoded as IAM shows policies."""
    record, name = accounts.named(call, request["AccountName"]), request["PolicyName"]
    if name not in record.doc.policies:
        raise errors.NoSuchEntity("account policy", name)
    return {
        "AccountName": record.doc.name,
        "PolicyName": name,
        "PolicyDocument": entities.quoted(record.doc.policies[name]),
    }


def list_account_policies(call: Call, request: Request) -> Result:
    """List the names of the policies over an account."""
    return {"PolicyNames": sorted(accounts.named(call, request["AccountName"]).doc.policies)}


def delete_account_policy(call: WriteCall, request: Request) -> Result:
    """Take a policy away."""
    record, name = accounts.named(call, request["AccountName"]), request["PolicyName"]
    if name not in record.doc.policies:
        raise errors.NoSuchEntity("account policy", name)
    left = {key: text for key, text in record.doc.policies.items() if key != name}
    call.tx.write(record, replace(record.doc, policies=left))
    return {}


def _row(name: str, does: Read | Write, *honours: str) -> Action:
    return rows.of_administrators(name, does, "AccountName", *honours)


ACTIONS: tuple[Action, ...] = (
    _row("PutAccountPolicy", Write(handle=put_account_policy), "PolicyName", "PolicyDocument"),
    _row("GetAccountPolicy", Read(handle=get_account_policy), "PolicyName"),
    _row("ListAccountPolicies", Read(handle=list_account_policies)),
    _row("DeleteAccountPolicy", Write(handle=delete_account_policy), "PolicyName"),
)
