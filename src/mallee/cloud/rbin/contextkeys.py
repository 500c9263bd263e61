"""The context keys of the recycle bin: of which kind of things a rule is made, or is.

Called by `context`.
"""

from collections.abc import Callable, Mapping

from mallee.cloud.identity.question import Question, thing
from mallee.model.storage.recycling import Rule

TYPE = "resourcetype"
"""The one attribute that is asked for."""


def _requested(question: Question) -> str | None:
    if question.row.service != "rbin":
        return None
    return question.asked.get("ResourceType")


def _of_rule(question: Question) -> str | None:
    found = thing(question)
    return found.kind.value if isinstance(found, Rule) else None


FAMILIES: Mapping[str, Callable[[Question, str], str | None]] = {
    "rbin:attribute": lambda question, name: _of_rule(question) if name == TYPE else None,
    "rbin:request": lambda question, name: _requested(question) if name == TYPE else None,
}
