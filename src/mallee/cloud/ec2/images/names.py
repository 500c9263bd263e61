"""Names of images: each is an account's own, and of one image at a time.

Called by whatever registers an image.
"""

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.ec2 import binned, resources
from mallee.cloud.ec2.images.sharing import DEREGISTERED
from mallee.cloud.state import records
from mallee.model.images.images import NAME


def check(call: Call, name: str) -> None:
    """Raise unless a new image of the caller's can have that name: `InvalidAMIName.Malformed`, or
    `.Duplicate`."""
    if not NAME.fullmatch(name):
        raise errors.InvalidAMINameMalformed(
            "AMI names must be between 3 and 128 characters long, and may contain letters, "
            "numbers, and only the following characters: ( ) [ ] . / - ' @ _ and space."
        )
    for image in resources.reader(call).by(records.IMAGE, "name", name):
        is_gone = image.doc.state == DEREGISTERED or binned.is_binned(image)
        if image.account == call.account and not is_gone:
            raise errors.InvalidAMINameDuplicate(name, image.id)
