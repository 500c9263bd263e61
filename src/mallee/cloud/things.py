"""From an ARN to the thing that it names, for the stages that ask about it.

A thing of another account is not found, as if it were not there.
Called by `context`; which ARNs a request is about is each service's own business (`ec2.arns`,
`iam.arns`).
"""

from collections.abc import Mapping
from typing import Any

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind

_PARTS = 6
_BY_NAME = frozenset(
    {"user", "group", "role", "instance-profile", "mfa", "saml-provider", "server-certificate"}
)

_OF_SERVICES: Mapping[tuple[str, str], Kind[Any, Any]] = {
    ("dlm", "policy"): records.LIFECYCLE_POLICY,
    ("rbin", "rule"): records.RECYCLE_RULE,
}
"""By service and type in an ARN, where a type alone says too little."""
_OF_NO_REGION = frozenset(
    {
        "ipam",
        "ipam-policy",
        "ipam-pool",
        "ipam-prefix-list-resolver",
        "ipam-prefix-list-resolver-target",
        "ipam-resource-discovery",
        "ipam-resource-discovery-association",
        "ipam-scope",
    }
)
"""Things of EC2 whose ARNs name no region."""
_OF_NO_ACCOUNT = frozenset({"image", "snapshot"})
"""Things of EC2 whose ARNs name no account."""


def of_ec2(region: str, account: str, kind: str, rest: str) -> str:
    """Return the ARN of a thing of EC2."""
    where = "" if kind in _OF_NO_REGION else region
    whose = "" if kind in _OF_NO_ACCOUNT else account
    return f"arn:aws:ec2:{where}:{whose}:{kind}/{rest}"


def service_of(arn: str) -> str:
    """Return the service in an ARN; empty for `*`."""
    parts = arn.split(":", _PARTS - 1)
    return parts[2] if len(parts) == _PARTS else ""


def kind_of(arn: str) -> str:
    """Return the type in an ARN (`instance`, `user`); empty for `*`."""
    parts = arn.split(":", _PARTS - 1)
    return parts[-1].partition("/")[0] if len(parts) == _PARTS else ""


def account_of(arn: str) -> str | None:
    """Return the account in an ARN, if one is in it."""
    parts = arn.split(":", _PARTS - 1)
    return (parts[4] or None) if len(parts) == _PARTS else None


def find(view: store.View, account: str, arn: str) -> Any:
    """Return the document of the thing that the ARN names in the account; None when there is none.

    The ARN of a key pair or placement group has its name, IAM's have path and name.
    """
    if (account_of(arn) or account) != account:
        return None
    name, _, rest = arn.split(":", _PARTS - 1)[-1].partition("/")
    kind = _OF_SERVICES.get((service_of(arn), name)) or records.KINDS.get(name)
    if kind is None or not rest:
        return None
    for record in _candidates(view, kind, account, rest):
        if record is not None and record.account == account:
            return record.doc
    return None


def _candidates(view: store.View, kind: Kind[Any, Any], account: str, rest: str) -> list[Any]:
    if kind is records.KEY_PAIR or kind is records.PLACEMENT_GROUP:
        return [view.get(kind, rest), *view.by(kind, "name", rest)]
    if kind is records.POLICY:
        return view.by(kind, "arn", f"arn:aws:iam::{account}:policy/{rest}")
    if kind is records.OIDC_PROVIDER:
        id = view.owner_of(f"name/{kind.name}/{account}", rest)
        return [view.get(kind, id)] if id else []
    if kind.name in _BY_NAME:
        id = view.owner_of(f"name/{kind.name}/{account}", rest.rpartition("/")[2].lower())
        found = view.get(kind, id) if id else None
        # Names are found without regard to case and path; an ARN has both as they are.
        return [found] if found and f"{found.doc.path}{found.doc.name}" == f"/{rest}" else []
    return [view.get(kind, rest)]
