"""Rows of the administration service that its administrators alone may call, said in one line each.

Used at the end of each noun's file. Rows that others may call say themselves who.
"""

from mallee.cloud.action import Action, AskHost, Read, Write

SERVICE = "mallee"


def of_administrators(name: str, does: AskHost | Read | Write, *honours: str) -> Action:
    """Return the row of an action, and of the parameters that it honours."""
    return Action(
        service=SERVICE,
        name=name,
        does=does,
        honours=frozenset(honours),
        cloud_admin_only=True,
    )
