"""The protocol of EC2: query parameters of its own naming in, XML without a result wrapper out.

Lists have no segment of their own (`InstanceId.1`), names start with a capital whatever the model
says, and errors have an envelope, and codes for malformed requests, that no other service has.
"""

from collections.abc import Sequence

from mallee.aws import errors, model
from mallee.aws.codec import parameters, scalars, xmltext
from mallee.aws.codec.fault import Fault, Kind

STYLE = xmltext.Style(item="item", format_time=scalars.format_time_millis)
_VALUE_LENGTH_MAX = 200
_ENUM_LENGTH_MAX = 300

_EXPECTED = {
    Kind.TOO_SHORT: "Expecting a length greater than or equal to {}.",
    Kind.TOO_LONG: "Expecting a length less than or equal to {}.",
    Kind.TOO_SMALL: "Expecting a value greater than or equal to {}.",
    Kind.TOO_LARGE: "Expecting a value less than or equal to {}.",
    Kind.NOT_IN_PATTERN: "Expecting a value that matches {}.",
    Kind.NOT_IN_ENUM: "Expecting one of: {}.",
    Kind.MALFORMED: "Expecting a valid {}.",
    Kind.NOT_A_LIST: "Expecting a list: name.1, name.2 and so on.",
    Kind.NOT_A_STRUCTURE: "Expecting a structure, not a value.",
    Kind.NOT_A_VALUE: "Expecting a value, not a structure or list.",
    Kind.TOO_MANY: "A request has at most {}.",
}


def member_name(name: str, member: model.Member, _: model.Shape) -> str:
    """Return a member's segment in a request: its query name, or its location name capitalised."""
    if member.query_name is not None:
        return member.query_name
    wire = member.location_name or name
    return wire[:1].upper() + wire[1:]


NAMING = parameters.Naming(
    member=member_name,
    item=lambda _: None,
    exempt=frozenset({"InstanceType", "AccountAttributeName", "PlatformValues"}),
)


def refusal(faults: Sequence[Fault]) -> errors.AwsError:
    """Return the error of the first fault, as EC2 answers only one."""
    fault = faults[0]
    match fault.kind:
        case Kind.UNKNOWN:
            return errors.UnknownParameter(fault.path)
        case Kind.MISSING:
            return errors.MissingParameter(fault.path)
        case Kind.DUPLICATE | Kind.CONFLICT:
            return errors.InvalidParameterCombination(
                f"The parameter {fault.path} is given more than once"
            )
        case _:
            return errors.InvalidParameterValue(_invalid_value(fault))


def _invalid_value(fault: Fault) -> str:
    is_long = fault.kind is Kind.NOT_IN_ENUM and len(fault.expected) > _ENUM_LENGTH_MAX
    hint = "" if is_long else " " + _EXPECTED[fault.kind].format(fault.expected)
    shown = "" if fault.is_sensitive else f" ({str(fault.value)[:_VALUE_LENGTH_MAX]})"
    return f"Value{shown} for parameter {fault.path or 'parameters'} is invalid.{hint}"


def wrap(
    service: model.ServiceModel, operation: model.Operation, encoded: str, request_id: str
) -> str:
    """Return the answer; an operation without an output answers `<return>true</return>`."""
    name = operation.name
    inside = encoded if operation.output is not None else "<return>true</return>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{name}Response xmlns="{service.metadata.xml_namespace}/">'
        f"<requestId>{xmltext.escape(request_id)}</requestId>{inside}</{name}Response>"
    )


def render_error(_: model.ServiceModel, error: errors.AwsError, request_id: str) -> str:
    """Return the answer that says what went wrong."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Response><Errors><Error><Code>{error.code}</Code>"
        f"<Message>{xmltext.escape(error.message)}</Message></Error></Errors>"
        f"<RequestID>{xmltext.escape(request_id)}</RequestID></Response>"
    )
