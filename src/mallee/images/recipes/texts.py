"""A recipe as it is written: the tables and keys of its TOML, before anything of it is checked.

Read by `recipe`, looked at by `checks`; the documentation names every key. Not its business: what
the values mean.
"""

import msgspec

FROM_METADATA = "metadata"
"""As a host name: the one that the cloud gives."""


class _Written(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """What all tables of a recipe have in common."""


class FileText(_Written, kw_only=True):
    """`files`: one that is brought along. Either `from`, beside the recipe, or `content`."""

    path: str
    source: str = msgspec.field(default="", name="from")
    content: str | None = None
    owner: str = "root"
    group: str = ""
    mode: str = ""


class UserText(_Written, kw_only=True):
    """`users`: somebody who may log in."""

    name: str
    password: str = ""
    password_from: str = ""
    password_hash: str = ""
    keys: list[str] = []
    groups: list[str] = []
    shell: str = ""
    ssh_password: bool = False


class RecipeText(_Written, kw_only=True):
    """A whole recipe, as it is written."""

    name: str = ""
    description: str = ""
    base: str
    mirror: str = ""
    packages: list[str] = []
    users: list[UserText] = []
    files: list[FileText] = []
    run: list[str] = []
    services: list[str] = []
    size: str = ""
    hostname: str = FROM_METADATA
    user_data: str = ""
    test: list[str] = []
