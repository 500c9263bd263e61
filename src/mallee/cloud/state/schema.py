"""Brings a database to the schema of this version, by Alembic's steps in `migrations/`.

Alembic is imported only when a step is due: it would cost a tenth of a second at every start.
"""

import sqlalchemy as sa

from mallee.cloud.state import tables
from mallee.cloud.state.errors import Unavailable


def bring_up_to_date(connection: sa.Connection) -> None:
    """Run the missing steps in the connection's transaction, which holds the migration lock.

    Raises `Unavailable` when the database was written by a newer Mallee.
    """
    present = _present_version(connection)
    if present == tables.SCHEMA_VERSION:
        return
    if present is not None and present > tables.SCHEMA_VERSION:
        raise Unavailable(
            f"the database has schema {present}, this Mallee knows {tables.SCHEMA_VERSION}: start "
            "the version of Mallee that wrote it, or restore an older backup"
        )
    from alembic import command, config

    settings = config.Config()
    settings.set_main_option("script_location", "mallee.cloud.state:migrations")
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


def _present_version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
