"""The context keys of the caller: who he is, what his session says of him, whence he calls.

A key has a value only where it is true: `aws:MultiFactorAuthPresent` none for a key of one's own,
`aws:username` none for a role. Called by `context`. Not its business: what is asked for and of what
(`context`, and `contextkeys` of each service).
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from mallee.aws.policy.texts import Values
from mallee.cloud.identity.question import Finder, Question
from mallee.cloud.state import records
from mallee.model.compute.instances import Instance
from mallee.model.identity.sessions import CallerKind, Session

_TYPES: Mapping[CallerKind, str] = {
    CallerKind.USER: "User",
    CallerKind.ROLE: "AssumedRole",
    CallerKind.FEDERATED: "FederatedUser",
    CallerKind.VOUCHED: "FederatedUser",
    CallerKind.NOBODY: "Anonymous",
}

_OURS = ("aws:", "ec2:", "iam:", "kms:", "sts:", "mallee:")
"""What no provider can say, whatever it is called."""


def tags_of(question: Question) -> Mapping[str, str]:
    """Return the caller's tags: his user's or role's, and before them those of his session."""
    view, who = question.call.view, question.call.principal
    holder = view.get(records.ROLE, who.issuer_id) or view.get(records.USER, who.issuer_id)
    own: Mapping[str, str] = holder.doc.tags if holder else {}
    if who.session is None:
        return own
    told = {key.lower() for key in who.session.tags}
    return {**who.session.tags, **{k: v for k, v in own.items() if k.lower() not in told}}


def claim(question: Question, key: str) -> Values | None:
    """Return what an identity provider said of the caller when his session began."""
    if key.startswith(_OURS):
        return None
    session = question.call.principal.session
    return session.claims.get(key) if session else None


def written(at: float) -> str:
    """Return a time in seconds since the epoch as policies write one."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _session(question: Question) -> Session | None:
    return question.call.principal.session


def _principal_arn(question: Question) -> str | None:
    """A role session is known by its role."""
    who = question.call.principal
    return (who.issuer_arn if who.kind is CallerKind.ROLE else who.arn) or None


def _shows_code(question: Question) -> bool:
    """Tell whether a request to STS comes with a code, which is tried before anything is given."""
    return question.row.service == "sts" and bool(question.asked.get("TokenCode"))


def _mfa_present(question: Question) -> str | None:
    if _shows_code(question):
        return "true"
    session = _session(question)
    return None if session is None else str(session.mfa_at is not None).lower()


def _mfa_age(question: Question) -> str | None:
    """Return for how many seconds the second factor has been shown."""
    if _shows_code(question):
        return "0"
    session = _session(question)
    if session is None or session.mfa_at is None:
        return None
    return str(max(0, int(question.call.now - session.mfa_at)))


def _token_issue_time(question: Question) -> str | None:
    session = _session(question)
    return written(session.issued_at) if session else None


def _source_identity(question: Question) -> str | None:
    session = _session(question)
    return session.source_identity if session else None


def _provider(question: Question) -> str | None:
    session = _session(question)
    return session.provider if session else None


# --- the way that the request came ---


def _source_ip(question: Question) -> str | None:
    """Guests come as by an endpoint of their VPC: their address is one there, not in the world."""
    return None if question.http.guest else question.http.peer or None


def _source_vpc(question: Question) -> str | None:
    return question.http.guest.vpc_id if question.http.guest else None


def _source_endpoint(question: Question) -> str | None:
    return question.http.endpoint_id or None


def _vpc_source_ip(question: Question) -> str | None:
    return question.http.guest.private_ip if question.http.guest else None


# --- an instance's own credentials ---


def _instance(question: Question) -> Instance | None:
    session = _session(question)
    if session is None or session.instance_id is None:
        return None
    found = question.call.view.get(records.INSTANCE, session.instance_id)
    return found.doc if found is not None and found.account == session.account else None


def _instance_arn(question: Question) -> str | None:
    instance, call = _instance(question), question.call
    if instance is None:
        return None
    return f"arn:aws:ec2:{call.settings.region}:{call.account}:instance/{instance.id}"


def _instance_vpc(question: Question) -> str | None:
    instance = _instance(question)
    return instance.vpc_id if instance else None


def _instance_address(question: Question) -> str | None:
    instance = _instance(question)
    if instance is None:
        return None
    found = question.call.view.get(records.INTERFACE, instance.interface_ids[0])
    return (found.doc.private_ip or None) if found else None


FINDERS: Mapping[str, Finder] = {
    "aws:ec2instancesourceprivateipv4": _instance_address,
    "aws:ec2instancesourcevpc": _instance_vpc,
    "aws:federatedprovider": _provider,
    "aws:multifactorauthage": _mfa_age,
    "aws:multifactorauthpresent": _mfa_present,
    "aws:principalaccount": lambda question: question.call.account or None,
    "aws:principalarn": _principal_arn,
    "aws:principalisawsservice": lambda _: "false",
    "aws:principaltype": lambda question: _TYPES[question.call.principal.kind],
    "aws:referer": lambda question: question.http.headers.get("referer"),
    # The front door speaks plain HTTP; what stands before it is not known to be believed.
    "aws:securetransport": lambda _: "false",
    "aws:sourceidentity": _source_identity,
    "aws:sourceip": _source_ip,
    "aws:sourcevpc": _source_vpc,
    "aws:sourcevpce": _source_endpoint,
    "aws:tokenissuetime": _token_issue_time,
    "aws:useragent": lambda question: question.http.headers.get("user-agent"),
    "aws:userid": lambda question: question.call.principal.user_id or None,
    "aws:username": lambda question: question.call.principal.user_name or None,
    "aws:viaawsservice": lambda question: "true" if question.via else "false",
    "aws:vpcsourceip": _vpc_source_ip,
    "ec2:sourceinstancearn": _instance_arn,
}
