"""Policies of keys: who may do what with a key. Nobody may without its key's policy, save by grant.

A key's policy has to let somebody in, in its own account too; the usual one lets in the account,
whose administrators then say the rest by policies of users and roles. Users and roles are kept by
their ids, so that nobody inherits a name. Called through the action table. Not its business: the
language (`aws.policy`), deciding (`access`).
"""

import json
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors, policy
from mallee.cloud.action import Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.identity import authorize, rights, trust
from mallee.cloud.kms import materials, naming, rows

NAME = "default"
"""The one policy of a key."""
LENGTH_MAX = 32 << 10


def usual(account: str) -> str:
    """Return the policy of a key whose maker gives none: its account's policies decide."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [
                {
                    "Sid": "Enable IAM User Permissions",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                }
            ],
        },
        indent=2,
    )


def checked(call: WriteCall, asked: Request, key_id: str) -> str:
    """Return the policy that a request brings, as it is kept; raise what is wrong with it.

    He who gives it must be able to give another one, unless he says that he knows.
    """
    text: str = asked["Policy"]
    if len(text.encode()) > LENGTH_MAX:
        raise errors.kms.LimitExceededException(f"A policy has {LENGTH_MAX} bytes at most.")
    try:
        document = policy.parse(text, policy.Kind.RESOURCE)
        kept = trust.bind(call.view, text, policy.Kind.RESOURCE)
    except errors.MalformedPolicyDocument as error:
        raise errors.kms.MalformedPolicyDocumentException(error.message) from error
    for statement in document.statements:
        if not all(one == "*" or one.lower().startswith("kms:") for one in statement.actions):
            raise errors.kms.MalformedPolicyDocumentException(
                "Policy contains a statement with an action of another service."
            )
    if not asked.get("BypassPolicyLockoutSafetyCheck") and not _lets_in(call, kept, key_id):
        raise errors.kms.MalformedPolicyDocumentException(
            "The new key policy will not allow you to update the key policy in the future."
        )
    return kept


def _lets_in(call: WriteCall, text: str, key_id: str) -> bool:
    """Tell whether a policy lets its giver give another one."""
    who = call.principal
    own = rights.of_issuer(call.view, who.account, who.issuer_id)
    if who.session is not None and who.session.is_restricted:
        own = own._replace(session=rights.of_session(call.view, who.session))
    arn = f"arn:aws:kms:{call.settings.region}:{who.account}:key/{key_id}"
    request = policy.Request(
        principal=authorize.principal_of(who, own),
        action="kms:PutKeyPolicy",
        resource=arn,
        resource_account=who.account,
        context=policy.fold(
            {
                "aws:PrincipalArn": who.issuer_arn or who.arn,
                "aws:PrincipalAccount": who.account,
                "kms:CallerAccount": who.account,
            }
        ),
    )
    compiled = policy.compiled(text, policy.Kind.RESOURCE)
    mine = own._replace(resource=policy.Attached(arn, compiled, is_required=True))
    return policy.evaluate(request, mine).is_allowed


def put(call: WriteCall, asked: Request) -> Result:
    """Give a key another policy."""
    _check_name(asked)
    record = naming.own(call, asked["KeyId"])
    rows.check_own_to_change(call, record)
    materials.check_kept(call, record)
    text = checked(call, asked, record.id)
    call.tx.write(record, replace(record.doc, policy=text))
    return {}


def get(call: Call, asked: Request) -> Result:
    """Return a key's policy."""
    _check_name(asked)
    record = naming.own(call, asked["KeyId"])
    return {"Policy": trust.shown(call.view, record.doc.policy), "PolicyName": NAME}


def _check_name(asked: Request) -> None:
    name: str = asked.get("PolicyName") or NAME
    if name != NAME:
        raise errors.kms.NotFoundException(f"No such policy exists: {name}")


def _names(call: Call, asked: Request) -> list[str]:
    naming.own(call, asked["KeyId"])
    return [NAME]


def _itself(_call: Call, name: Any) -> Any:
    return name


ACTIONS = (
    rows.of_key(
        "PutKeyPolicy",
        Write(handle=put),
        *("PolicyName", "Policy", "BypassPolicyLockoutSafetyCheck"),
    ),
    rows.of_key("GetKeyPolicy", Read(handle=get), "PolicyName"),
    rows.of_key(
        "ListKeyPolicies",
        Pages(
            find=_names,
            render=_itself,
            member="PolicyNames",
            key=lambda name: name,
            words=rows.WORDS,
        ),
    ),
)
