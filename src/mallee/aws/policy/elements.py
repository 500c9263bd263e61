"""The texts in a statement, one by one: what is wrong with an action, a resource, a principal, a
condition, in IAM's words; None when nothing is.

Called by `parser`. Not its business: which element may stand where (`grammar`).
"""

import re

from mallee.aws.policy import conditions, texts
from mallee.aws.policy.document import Condition
from mallee.aws.policy.texts import MalformedVariable, Style

_VENDOR = re.compile(r"[A-Za-z0-9.\-]+")
_ACTION = re.compile(r"[A-Za-z0-9*?\-_.]+")
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "*")
_IAM_PATHS = (
    *("user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/"),
    *("server-certificate/", "policy/", "sms-mfa/", "saml-provider/", "oidc-provider/"),
    *("report/", "access-report/", "u2f/"),
)
_PARTS_OF_ARN = 6
_VENDOR_AT = 2
_ACCOUNT = r"\d{12}"
_AWS_PRINCIPAL = re.compile(
    rf"\*|{_ACCOUNT}|A[A-Z]{{3}}[A-Z0-9]{{8,}}"
    rf"|arn:aws[a-z\-]*:iam::{_ACCOUNT}:(root|(user|role)/[!-)+->@-~]+)"
    rf"|arn:aws[a-z\-]*:sts::{_ACCOUNT}:(assumed-role/[!-)+->@-~]+/|federated-user/)[!-)+->@-~]+"
)
_PROVIDER = re.compile(
    rf"arn:aws[a-z\-]*:iam::{_ACCOUNT}:(oidc|saml)-provider/[!-)+->@-~]+"
    r"|cognito-identity\.amazonaws\.com|accounts\.google\.com"
    r"|graph\.facebook\.com|www\.amazon\.com"
)
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.\-]*\.[a-z]{2,}")
_CANONICAL_USER = re.compile(r"[0-9A-Za-z]{1,128}")
_PRINCIPALS = {
    "AWS": _AWS_PRINCIPAL,
    "Federated": _PROVIDER,
    "Service": _SERVICE,
    "CanonicalUser": _CANONICAL_USER,
}


def fault_of_action(action: str) -> str | None:
    """Say what is wrong with an action or a pattern of actions."""
    if action == "*":
        return None
    vendor, colon, name = action.partition(":")
    if not colon:
        return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    if ":" in name:
        return "Actions/Condition can contain only one colon."
    if vendor != "*" and not _VENDOR.fullmatch(vendor):
        return f"Vendor {vendor} is not valid"
    if not _ACTION.fullmatch(name):
        return f"Syntax errors in policy. {action!r} is no action."
    return None


def fault_of_resource(resource: str, has_variables: bool) -> str | None:
    """Say what is wrong with the ARN of a resource or a pattern of ARNs."""
    if fault := _fault_of_variables(resource, has_variables):
        return fault
    if resource == "*":
        return None
    parts = resource.split(":", _PARTS_OF_ARN - 1)
    if parts[0] != "arn" or len(parts) == 1:
        return f'Resource {resource} must be in ARN format or "*".'
    if parts[1] not in _PARTITIONS:
        return f'Partition "{parts[1]}" is not valid for resource "{resource}".'
    if len(parts) == _VENDOR_AT:
        return "Resource vendor must be fully qualified and cannot contain regexes."
    if not parts[_VENDOR_AT] or (len(parts) < _PARTS_OF_ARN and "::" in resource):
        return "The policy failed legacy parsing"
    _, _, vendor, region, _, path = parts + [""] * (_PARTS_OF_ARN - len(parts))
    if vendor == "iam" and region.strip("*"):
        return f"IAM resource {resource} cannot contain region information."
    if len(parts) == _PARTS_OF_ARN and vendor == "iam" and not _is_iam_path(path):
        return f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.'
    return None


def fault_of_principal(type: str, value: str) -> str | None:
    """Say what is wrong with an entry of a Principal element."""
    form = _PRINCIPALS.get(type)
    if form is None or not form.fullmatch(value):
        return f'Invalid principal in policy: "{type}":"{value}"'
    return None


def fault_of_condition(condition: Condition, has_variables: bool) -> str | None:
    """Say what is wrong with a condition."""
    vendor, colon, name = condition.key.partition(":")
    if not colon or not vendor or not name:
        return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    try:
        conditions.split(condition.operator)
    except ValueError as error:
        return str(error)
    try:
        conditions.compile_condition(condition, has_variables, denies=False)
    except MalformedVariable as error:
        return f"Syntax errors in policy. '{error}' is not a policy variable."
    except ValueError as error:
        return f"Syntax errors in policy. {condition.operator} {condition.key}: {error}."
    return None


def _fault_of_variables(text: str, has_variables: bool) -> str | None:
    try:
        texts.parse(text, Style(variables=has_variables))
    except MalformedVariable as error:
        return f"Syntax errors in policy. '{error}' is not a policy variable."
    return None


def _is_iam_path(path: str) -> bool:
    """An abbreviated path (`us*`) may become any of them; one with a variable too."""
    literal = re.split(r"[*?$]", path, maxsplit=1)[0]
    if path == "root" or path.startswith(_IAM_PATHS):
        return True
    return literal != path and any(known.startswith(literal) for known in _IAM_PATHS)
