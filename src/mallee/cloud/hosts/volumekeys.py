"""Opens data keys of encrypted volumes for the hosts that keep them.

A host asks each time when it needs one, and keeps none: a key of the key store that was disabled
opens nothing from then on, though a guest that runs goes on. Called by `door`, which knows the
host. Not its business: who may attach what (`ec2.storage.ebskeys`).
"""

from dataclasses import dataclass

from mallee.cloud.blocks import datakeys
from mallee.cloud.hosts import joining
from mallee.cloud.state import records, store
from mallee.kit import logs, secretbox
from mallee.model.datakeys import DataKey, OpenedKey

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
        opened = self.opened(volume.doc.key)
        _log.info("key opened", host=host_id, volume=volume_id, key=volume.doc.key.kms_key)
        return opened

    def opened(self, key: DataKey) -> OpenedKey:
        """Return a data key; raise `Refused` while the key store does not open it."""
        try:
            return OpenedKey(key.id, datakeys.opened(self.store.view, self.box, key))
        except datakeys.Locked as error:
            raise joining.Refused(409, str(error)) from error
