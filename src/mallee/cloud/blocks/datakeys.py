"""Opens data keys where the cloud itself has to: for a host, or to seal a copy anew.

Whoever asked for what is encrypted was found to be allowed to use its key then. A key of the key
store that was disabled since, or is gone, opens nothing. Called by `hosts.volumekeys` and
`s3.resealing`. Not its business: who may make what (`ec2.storage.ebskeys`).
"""

from mallee.aws import errors
from mallee.cloud.ec2.storage import ebskeys
from mallee.cloud.kms import envelopes
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import secretbox
from mallee.model.identity.kmskeys import Key, State
from mallee.model.storage.datakeys import DataKey

_STATES = {
    State.DISABLED: "disabled",
    State.PENDING_DELETION: "pending deletion",
    State.PENDING_IMPORT: "without its material",
}


class Locked(Exception):
    """The key of the key store does not open it now; the message says why."""


def locked(view: store.View | store.Tx, key: DataKey) -> str:
    """Say why the key of the key store opens no data key now; empty: it does."""
    found = _key(view, key)
    state = None if found is None else found.doc.state
    if state is State.ENABLED:
        return ""
    is_how = "is gone" if state is None else f"is {_STATES[state]}"
    return f"the key {key.kms_key} {is_how}: it opens nothing"


def _key(view: store.View | store.Tx, key: DataKey) -> Record[Key, None] | None:
    return view.get(records.KEY, key.kms_key.rpartition("/")[2])


def opened(view: store.View, box: secretbox.SecretBox, key: DataKey) -> bytes:
    """Return the secret of a data key; raise `Locked`."""
    found, words = _key(view, key), locked(view, key)
    if found is None or words:
        raise Locked(words)
    try:
        context = {ebskeys.CONTEXT: key.bound_to}
        return envelopes.open_(box, found.doc, key.wrapped, context)[0]
    except errors.AwsError as error:
        raise Locked(f"{key.kms_key} does not open it: {error}") from error
