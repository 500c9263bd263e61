"""What can go wrong in the store. These are ours, not AWS's: whoever catches them words the answer.

StoreError
  Conflict      the record is not what the caller thought
  Taken         another owner holds the claim
  Unavailable   the database cannot take or keep a transaction; nothing of it was changed
    Unsettled   it was to keep one, and did not say whether it has
"""


class StoreError(Exception):
    """Any of the store's errors."""


class Conflict(StoreError):
    """The record changed, appeared or vanished since the caller read it."""

    def __init__(self, kind: str, id: str, problem: str) -> None:
        super().__init__(f"{kind} {id}: {problem}")
        self.kind = kind
        self.id = id


class Taken(StoreError):
    """The key of the space is held by another owner."""

    def __init__(self, space: str, key: str, owner: str) -> None:
        super().__init__(f"{space}: {key} is held by {owner}")
        self.space = space
        self.key = key
        self.owner = owner


class Unavailable(StoreError):
    """The database is full, broken, locked or away. The message gives cause and cure."""


class Unsettled(Unavailable):
    """The database took a commit and did not answer: it is kept as a whole, or not at all."""
