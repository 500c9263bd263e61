"""What a host (or a front end) is told that asks at the agents' endpoint for what it may not have.

Raised by whatever is asked, turned into an answer by the doors. Imports nothing: whoever says no
shall not have to know how hosts join.
"""


class Refused(Exception):
    """It is not given; `status` is HTTP's, the message says the cause, and the cure where there is
    one."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
