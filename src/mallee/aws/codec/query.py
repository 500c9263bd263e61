"""The query protocol of STS, IAM and our own service: `Tags.member.1.Key=…` in, wrapped XML out.

Violations of the model's constraints are counted and told all at once, in the words that AWS's
Java framework has for them; what cannot be read at all is told before them, one at a time.
"""

import re
from collections.abc import Sequence

from mallee.aws import errors, model
from mallee.aws.codec import parameters, scalars, xmltext
from mallee.aws.codec.fault import Fault, Kind

STYLE = xmltext.Style(item="member", format_time=scalars.format_time_seconds)

_CONSTRAINTS = {
    Kind.MISSING: "Member must not be null",
    Kind.TOO_SHORT: "Member must have length greater than or equal to {}",
    Kind.TOO_LONG: "Member must have length less than or equal to {}",
    Kind.TOO_SMALL: "Member must have value greater than or equal to {}",
    Kind.TOO_LARGE: "Member must have value less than or equal to {}",
    Kind.NOT_IN_PATTERN: "Member must satisfy regular expression pattern: {}",
    Kind.NOT_IN_ENUM: "Member must satisfy enum value set: [{}]",
}
_UNREADABLE = {
    Kind.NOT_A_LIST: "{} is not an index or a list",
    Kind.NOT_A_STRUCTURE: "Start of structure or map not found where expected at {}",
    Kind.NOT_A_VALUE: "Start of structure or list found where not expected at {}",
    Kind.MALFORMED: "The value of {} is not valid",
}
_VALUE_LENGTH_MAX = 1000


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
            return errors.MalformedQueryString(f"more than {fault.expected} parts")
        if fault.kind in _UNREADABLE:
            return errors.MalformedInput(_UNREADABLE[fault.kind].format(fault.path))
    many = "validation error" if len(faults) == 1 else "validation errors"
    violations = "; ".join(_violation(fault) for fault in faults)
    return errors.ValidationError(f"{len(faults)} {many} detected: {violations}")


def _violation(fault: Fault) -> str:
    constraint = _CONSTRAINTS[fault.kind].format(fault.expected)
    return (
        f"Value{_shown(fault)} at '{_place(fault.path)}' failed to satisfy constraint: {constraint}"
    )


def _shown(fault: Fault) -> str:
    if fault.kind is Kind.MISSING:
        return " null"
    if fault.is_sensitive:
        return ""
    return f" '{str(fault.value)[:_VALUE_LENGTH_MAX]}'"


def _place(path: str) -> str:
    """Turn `Tags.member.1.Key` into AWS's `tags.1.member.key`."""
    turned = re.sub(r"\.(member|entry)\.(\d+)", r".\2.\1", path)
    return ".".join(segment[:1].lower() + segment[1:] for segment in turned.split("."))


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
