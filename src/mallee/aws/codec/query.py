"""The query protocol of STS, IAM and our own service: `Tags.member.1.Key=…` in, wrapped XML out.

Violations of the model's constraints are counted and told all at once, in the words that AWS's
Java framework has for them; what cannot be read at all is told before them, one at a time.
"""

from collections.abc import Sequence

from mallee.aws import errors, model
from mallee.aws.codec import parameters, scalars, violations, xmltext
from mallee.aws.codec.fault import Fault, Kind

STYLE = xmltext.Style(item="member", format_time=scalars.format_time_seconds)

_UNREADABLE = {
    Kind.NOT_A_LIST: "{} is not an index or a list",
    Kind.NOT_A_STRUCTURE: "Start of structure or map not found where expected at {}",
    Kind.NOT_A_VALUE: "Start of structure or list found where not expected at {}",
    Kind.MALFORMED: "The value of {} is not valid",
}


def member_name(name: str, member: model.Member, shape: model.Shape) -> str:
    """Return a member's segment in a request; a flattened list goes by its item's name."""
    if shape.type == "list" and shape.flattened and shape.member is not None:
        return shape.member.location_name or member.location_name or name
    return member.location_name or name


def item_name(shape: model.Shape) -> str | None:
    """Return the segment between a list and its indices."""
    if shape.flattened or shape.member is None:
        return None
    return shape.member.location_name or "member"


NAMING = parameters.Naming(member=member_name, item=item_name)


def refusal(faults: Sequence[Fault]) -> errors.AwsError:
    """Return the error that tells of the faults."""
    for fault in faults:
        if fault.kind is Kind.UNKNOWN:
            return errors.InvalidQueryParameter(fault.path)
        if fault.kind in (Kind.DUPLICATE, Kind.CONFLICT):
            return errors.MalformedQueryString(f"{fault.path} is given more than once")
        if fault.kind is Kind.TOO_MANY:
            return errors.MalformedQueryString(f"more than {fault.expected}")
        if fault.kind in _UNREADABLE:
            return errors.MalformedInput(_UNREADABLE[fault.kind].format(fault.path))
    return errors.ValidationError(violations.sentence(faults))


def wrap(
    service: model.ServiceModel, operation: model.Operation, encoded: str, request_id: str
) -> str:
    """Return the answer; the result stands in a wrapper when the operation has one."""
    name, wrapper = operation.name, operation.result_wrapper
    result = f"<{wrapper}>{encoded}</{wrapper}>" if wrapper else encoded
    return (
        f'<{name}Response xmlns="{service.metadata.xml_namespace}">{result}'
        f"<ResponseMetadata><RequestId>{xmltext.escape(request_id)}</RequestId></ResponseMetadata>"
        f"</{name}Response>"
    )


def render_error(service: model.ServiceModel, error: errors.AwsError, request_id: str) -> str:
    """Return the answer that says what went wrong, and whose fault it is."""
    return (
        f'<ErrorResponse xmlns="{service.metadata.xml_namespace}"><Error>'
        f"<Type>{'Receiver' if error.is_ours else 'Sender'}</Type><Code>{error.code}</Code>"
        f"<Message>{xmltext.escape(error.message)}</Message></Error>"
        f"<RequestId>{xmltext.escape(request_id)}</RequestId></ErrorResponse>"
    )
