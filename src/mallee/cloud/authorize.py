"""May this caller do this: the seam where policies are evaluated.

Today each account has one user, its administrator, who may do everything in his own account; the
cloud's administration is for the first account's alone. Which things are the caller's own is not
decided here: handlers only ever look inside `Call.account`.
"""

from mallee.aws import errors
from mallee.cloud.action import Action
from mallee.cloud.call import Principal


def check(action: Action, principal: Principal) -> None:
    """Return when the caller may; else raise the service's refusal."""
    if action.cloud_admin_only and not principal.is_cloud_admin:
        if action.service == "ec2":
            raise errors.UnauthorizedOperation
        raise errors.AccessDenied(principal.arn, action.permission, "*")
