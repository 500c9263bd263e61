"""The policy of the VPC endpoint that a request came by, and of which service the endpoint is.

Called by `authorize` and by S3's `deciding`, whose question says by which endpoint a guest spoke.
What the policy lets through is the most that may be asked there; what it is worth besides others is
`aws.policy`'s business, what it says its owner's (`ec2.endpoints`).
"""

from mallee.aws import errors, policy
from mallee.cloud.identity.question import Question
from mallee.cloud.state import records

_NOTHING = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*",'
    '"Action":"*","Resource":"*"}}'
)
"""What stands for the policy of an endpoint that is gone by now, or cannot be read."""


def attached(question: Question) -> policy.Attached | None:
    """Return the policy that stands before the request; None: it came by no endpoint."""
    guest = question.http.guest
    if guest is None or not guest.endpoint_id or question.via:
        # What a service asks in the caller's name does not come by his endpoint.
        return None
    record = question.call.view.get(records.ENDPOINT, guest.endpoint_id)
    text = record.doc.policy if record is not None else _NOTHING
    if record is not None and not serves(record.doc.service, question.row.service):
        text = _NOTHING
    return policy.Attached(guest.endpoint_id, _compiled(text))


def serves(endpoint_service: str, service: str) -> bool:
    """Tell whether an endpoint of one service (`com.amazonaws.REGION.ec2`) takes requests for
    another, by the last part of its name."""
    return endpoint_service.rpartition(".")[2] == service


def _compiled(text: str) -> policy.Compiled:
    try:
        return policy.compiled(text, policy.Kind.ENDPOINT)
    except errors.MalformedPolicyDocument:
        return policy.compiled(_NOTHING, policy.Kind.ENDPOINT)
