"""The root of all AWS errors: a code, an HTTP status and a message made from the class's template.

Whoever knows that something is wrong raises one; the codecs render it, in one place per protocol.
Nobody reads the message to decide anything: the class is the meaning.
To add one: a class in `requests`, `ec2` or `identity` with AWS's code and AWS's own wording.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar


class AwsError(Exception):
    """An answer other than success. The arguments fill the `{}` of the template, in order."""

    code: ClassVar[str] = "InternalError"
    status: ClassVar[int] = 400
    template: ClassVar[str] = "{}"
    members: ClassVar[Mapping[str, str]] = {}
    """What the error's shape has beside its message, in the services whose errors have more."""

    def __init__(self, *details: object) -> None:
        self.message = self.template.format(*details)
        super().__init__(f"{self.code}: {self.message}")

    @property
    def is_ours(self) -> bool:
        """Whether the fault is the cloud's own (a *Receiver* error), so that clients retry."""
        return self.status >= 500


class IdsNotFound(AwsError):
    """Of the ids asked for, these are not the caller's, or nobody's: AWS does not tell which."""

    noun: ClassVar[str] = "resource"

    def __init__(self, ids: str | Iterable[str]) -> None:
        names = [ids] if isinstance(ids, str) else list(ids)
        quoted = ", ".join(names)
        if len(names) == 1:
            super().__init__(f"The {self.noun} ID '{quoted}' does not exist")
        else:
            super().__init__(f"The {self.noun} IDs '{quoted}' do not exist")
