"""`enable` and `disable`: how transit gateways' options are said. Pure."""

from mallee.cloud.call import Request


def asked(options: Request, member: str) -> bool | None:
    """Return what is asked of an option; None: nothing."""
    value = options.get(member)
    return None if value is None else value == "enable"


def shown(is_on: bool) -> str:
    """Return how an option is shown."""
    return "enable" if is_on else "disable"
