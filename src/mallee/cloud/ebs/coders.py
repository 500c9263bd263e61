"""How a snapshot's blocks are named and kept: as they are, or sealed with its data key.

A data key is opened for one request, by the key of the key store that wraps it, if its caller may
have that done (`uses`, asked before the handler). Called by `reading` and `writing`. Not its
business: how bytes are sealed (`model.sealedblocks`).
"""

from collections.abc import Iterator

from mallee.aws import errors
from mallee.cloud.action import KeyUse
from mallee.cloud.call import Call, Request
from mallee.cloud.ebs import exchange
from mallee.cloud.ebs.exchange import BlockCall, SnapshotRecord
from mallee.cloud.ec2.storage import ebskeys
from mallee.cloud.kms import onbehalf
from mallee.model.storage import blockobjects, sealedblocks
from mallee.model.storage.blockobjects import Coder


def uses(call: Call, asked: Request) -> Iterator[KeyUse]:
    """Yield what reading or writing a snapshot's blocks takes of the key store."""
    key = exchange.snapshot(call, asked["SnapshotId"]).doc.key
    if key is not None:
        decrypt = {
            "KeyId": key.kms_key,
            "CiphertextBlob": key.wrapped,
            "EncryptionContext": {ebskeys.CONTEXT: key.bound_to},
        }
        yield KeyUse("Decrypt", key.kms_key, decrypt)


def of_snapshot(call: BlockCall, record: SnapshotRecord) -> Coder:
    """Return the coder of a snapshot's blocks; its key was found to be the caller's to use."""
    key = record.doc.key
    if key is None:
        return blockobjects.PLAIN
    if key.kms_key not in call.keys:
        raise errors.ebs.InvalidCustomerKey("The snapshot's key has changed meanwhile. Try again.")
    context = {ebskeys.CONTEXT: key.bound_to}
    secret = onbehalf.opened(call, call.box, (key.kms_key, key.wrapped), context)
    return sealedblocks.Sealed(secret)
