"""Opens data keys of encrypted volumes for the hosts that keep them.

A host asks each time when it needs one, and keeps none: a key of the key store that was disabled
opens nothing from then on, though a guest that runs goes on. Called by `door`, which knows the
host. Not its business: who may attach what (`ec2.storage.ebskeys`).
"""

from dataclasses import dataclass

from mallee.aws import errors
from mallee.cloud.ec2.storage import ebskeys
from mallee.cloud.hosts import joining
from mallee.cloud.kms import envelopes
from mallee.cloud.state import records, store
from mallee.kit import logs, secretbox
from mallee.model.datakeys import DataKey, OpenedKey
from mallee.model.kmskeys import State

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class VolumeKeys:
    """Opens keys."""

    store: store.Store
    box: secretbox.SecretBox

    def open(self, host_id: str, volume_id: str) -> OpenedKey:
        """Return a volume's data key; raise `Refused`."""
        volume = self.store.view.get(records.VOLUME, volume_id)
        if volume is None or volume.doc.host_id != host_id or volume.doc.key is None:
            raise joining.Refused(404, f"host {host_id} keeps no encrypted volume {volume_id[:32]}")
        secret = self._opened(volume.doc.key)
        _log.info("key opened", host=host_id, volume=volume_id, key=volume.doc.key.kms_key)
        return OpenedKey(volume.doc.key.id, secret)

    def _opened(self, key: DataKey) -> bytes:
        found = self.store.view.get(records.KEY, key.kms_key.rpartition("/")[2])
        state = None if found is None else found.doc.state
        if found is None or state is not State.ENABLED:
            is_how = "is gone" if state is None else f"is {_STATES[state]}"
            raise joining.Refused(409, f"the key {key.kms_key} {is_how}: it opens no volume")
        try:
            context = {ebskeys.CONTEXT: key.bound_to}
            return envelopes.open_(self.box, found.doc, key.wrapped, context)[0]
        except errors.AwsError as error:
            raise joining.Refused(409, f"{key.kms_key} does not open it: {error}") from error


_STATES = {
    State.DISABLED: "disabled",
    State.PENDING_DELETION: "pending deletion",
    State.PENDING_IMPORT: "without its material",
}
