"""An account's rules for passwords: shown, set whole, and taken away.

Setting them sets all: what a request leaves out is AWS's default again. They hold for passwords
that are set from then on; only their age counts for those that are there. Called through the action
table. What the rules say of a password is the business of `passwords`.
"""

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import passwords
from mallee.cloud.state import records
from mallee.model.identity.credentials import PasswordPolicy


def get_policy(call: Call, request: Request) -> Result:
    """Show the account's rules; raise `NoSuchEntity` when it has none of its own."""
    policy = passwords.policy_of(call.view, call.account)
    if policy is None:
        raise errors.NoSuchPasswordPolicy(call.account)
    return {
        "PasswordPolicy": {
            "MinimumPasswordLength": policy.length_min,
            "RequireSymbols": policy.must_have_symbol,
            "RequireNumbers": policy.must_have_number,
            "RequireUppercaseCharacters": policy.must_have_upper,
            "RequireLowercaseCharacters": policy.must_have_lower,
            "AllowUsersToChangePassword": policy.may_change_own,
            "ExpirePasswords": policy.age_days_max is not None,
            "MaxPasswordAge": policy.age_days_max,
            "PasswordReusePrevention": policy.reuse_prevented,
            "HardExpiry": policy.is_expiry_hard,
        }
    }


def update_policy(call: WriteCall, request: Request) -> Result:
    """Set the account's rules, all of them."""
    policy = PasswordPolicy(
        length_min=request.get("MinimumPasswordLength", 6),
        must_have_symbol=request.get("RequireSymbols", False),
        must_have_number=request.get("RequireNumbers", False),
        must_have_upper=request.get("RequireUppercaseCharacters", False),
        must_have_lower=request.get("RequireLowercaseCharacters", False),
        may_change_own=request.get("AllowUsersToChangePassword", False),
        age_days_max=request.get("MaxPasswordAge"),
        reuse_prevented=request.get("PasswordReusePrevention"),
        is_expiry_hard=request.get("HardExpiry", False),
    )
    record = call.tx.get(records.PASSWORD_POLICY, call.account)
    if record is None:
        call.tx.insert(records.PASSWORD_POLICY, call.account, call.account, policy)
    else:
        call.tx.write(record, policy)
    return {}


def delete_policy(call: WriteCall, request: Request) -> Result:
    """Take the account's rules away: AWS's own hold again."""
    record = call.tx.get(records.PASSWORD_POLICY, call.account)
    if record is None:
        raise errors.NoSuchPasswordPolicy(call.account)
    call.tx.delete(record)
    return {}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="iam",
        name="GetAccountPasswordPolicy",
        does=Read(handle=get_policy),
        honours=frozenset(),
    ),
    Action(
        service="iam",
        name="UpdateAccountPasswordPolicy",
        does=Write(handle=update_policy),
        honours=frozenset(
            {
                "MinimumPasswordLength",
                "RequireSymbols",
                "RequireNumbers",
                "RequireUppercaseCharacters",
                "RequireLowercaseCharacters",
                "AllowUsersToChangePassword",
                "MaxPasswordAge",
                "PasswordReusePrevention",
                "HardExpiry",
            }
        ),
    ),
    Action(
        service="iam",
        name="DeleteAccountPasswordPolicy",
        does=Write(handle=delete_policy),
        honours=frozenset(),
    ),
)
