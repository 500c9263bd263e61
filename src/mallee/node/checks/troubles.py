"""What a check of a host raises when something is not as it should be.

Raised by the checks of this folder, made findings of by `host.run`. What an ailment is, is the
business of `model.hosts.ailments`.
"""

from typing import NoReturn

from mallee.model.hosts.ailments import Ailment, Code


class Trouble(Exception):
    """Something is not as it should be."""

    def __init__(self, *ailments: Ailment) -> None:
        self.ailments = ailments
        super().__init__("; ".join(one.cause for one in ailments))


def tell(code: Code, cause: str, cure: str) -> NoReturn:
    """Raise one trouble."""
    raise Trouble(Ailment(code, cause, cure))
