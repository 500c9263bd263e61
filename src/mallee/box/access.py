"""Where a cloud is, who calls it, and what may come of a call: what `client` and `calls` share."""

from dataclasses import dataclass


class Unreachable(Exception):
    """The cloud does not answer, or there is none; the message says what was tried."""


class Refused(Exception):
    """The cloud answered with an error."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the cloud is and who calls."""

    endpoint: str
    region: str
    account_id: str
    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"Access({self.endpoint}, {self.access_key_id})"
