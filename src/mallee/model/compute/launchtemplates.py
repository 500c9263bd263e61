"""Launch templates: what a launch asks for, kept under a name, in numbered versions."""

from typing import Any

import msgspec


class LaunchTemplate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A launch template of an account. Its versions are records of their own."""

    id: str
    name: str
    created_at: float
    created_by: str
    """ARN of who made it."""
    default_version: int = 1
    latest_version: int = 1
    """The highest number ever given: numbers of deleted versions do not come back."""
    tags: dict[str, str] = {}


class TemplateVersion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A version of a template: it never changes."""

    template_id: str
    number: int
    description: str
    created_at: float
    created_by: str
    """ARN of who made it."""
    data: dict[str, Any]
    """`RequestLaunchTemplateData` as it was decoded."""

    @property
    def id(self) -> str:
        """The record's id: versions of a template stand together, in order."""
        return version_id(self.template_id, self.number)


def version_id(template_id: str, number: int) -> str:
    """Return the id of the record of a version."""
    return f"{template_id}/{number:08}"
