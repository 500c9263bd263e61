"""RestoreObject: nothing is ever in an archive, so nothing can be brought back from one.

S3 answers the same for an object of a class that can be read at once. Called by the pipeline.
"""

from mallee.aws import errors
from mallee.cloud.action import Serve
from mallee.cloud.s3 import rows
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import versions
from mallee.cloud.s3.rows import Asked


async def restore(call: ObjectCall, asked: Asked) -> Answer:
    """Say of an object that is there that it is in no archive."""
    where = versions.place(call, asked)
    found = await versions.look(call, where, asked.get("VersionId"))
    raise errors.s3.InvalidObjectState(
        "Restore is not allowed for the object's current storage class",
        storage_class=found.about.storage_class,
    )


ACTIONS = (
    rows.of_object(
        "RestoreObject",
        Serve(handle=restore, changes=False),
        rows.on_object("s3:RestoreObject"),
        ("VersionId", "RestoreRequest", "ChecksumAlgorithm"),
    ),
)
