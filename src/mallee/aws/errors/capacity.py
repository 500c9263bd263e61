"""Errors of capacity that is set apart: reservations, their fleets, and Dedicated Hosts."""

from mallee.aws.errors.answer import AwsError

# --- Capacity reservations ---


class InvalidCapacityReservationIdNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidCapacityReservationId.NotFound"
    template = "The capacity reservation ID '{}' does not exist"


class InvalidCapacityReservationIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidCapacityReservationId.Malformed"
    template = 'Invalid id: "{}" (expecting "cr-...")'


class InvalidCapacityReservationState(AwsError):
    """Arguments: the id, and its state."""

    code = "InvalidCapacityReservationState"
    template = "The capacity reservation '{}' is {}."


class InvalidCapacityReservationFleetIdNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidCapacityReservationFleetId.NotFound"
    template = "The capacity reservation fleet ID '{}' does not exist"


class InvalidCapacityReservationFleetIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidCapacityReservationFleetId.Malformed"
    template = 'Invalid id: "{}" (expecting "crf-...")'


# --- Dedicated Hosts ---


class InvalidHostIDNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidHostID.NotFound"
    template = "The specified host ID '{}' does not exist"


class InvalidHostIDMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidHostId.Malformed"
    template = 'Invalid id: "{}" (expecting "h-...")'


class ClientInvalidHostOccupied(AwsError):
    """Argument: the id."""

    code = "Client.InvalidHost.Occupied"
    template = "Dedicated host '{}' cannot be released as it is occupied"


class InvalidAffinity(AwsError):
    """Argument: the value."""

    code = "InvalidAffinity"
    template = "Value ({}) for parameter affinity is invalid. Give default or host."


class InsufficientHostCapacity(AwsError):
    """Argument: a sentence that says why no host can be allocated."""

    code = "InsufficientHostCapacity"
    status = 500


class InsufficientCapacityOnHost(AwsError):
    """Argument: a sentence that names what was short, on which Dedicated Host."""

    code = "InsufficientCapacityOnHost"


class IncompatibleHostRequirements(AwsError):
    """Argument: a sentence that says why no Dedicated Host takes the instance."""

    code = "IncompatibleHostRequirements"


class ReservationCapacityExceeded(AwsError):
    """Arguments: the capacity reservation, and for how many instances it has room."""

    code = "ReservationCapacityExceeded"
    template = (
        "The requested reservation does not have sufficient compatible and available capacity for "
        "this request: {0} has room for {1} of these instances."
    )
