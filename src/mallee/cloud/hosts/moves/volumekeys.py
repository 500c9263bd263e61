"""Opens data keys for hosts: of encrypted volumes that they keep, and of disks that they bring in.

A host asks each time when it needs one, and keeps none: a key of the key store that was disabled
opens nothing from then on, though a guest that runs goes on. Called by `door`, which knows the
host. Not its business: who may attach what (`ec2.storage.ebskeys`).
"""

from dataclasses import dataclass

from mallee.cloud.blocks import datakeys
from mallee.cloud.ec2.images import tasks
from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.moves import moving, transferring
from mallee.cloud.state import records, store
from mallee.kit import logs, secretbox
from mallee.model.storage.datakeys import DataKey, OpenedKey

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class VolumeKeys:
    """Opens keys."""

    store: store.Store
    box: secretbox.SecretBox

    def open(self, host_id: str, id: str) -> OpenedKey:
        """Return the data key of a volume, or of a transfer; raise `Refused`."""
        is_transfer = tasks.find(self.store.view, id) is not None
        key = self._of_transfer(host_id, id) if is_transfer else self._of_volume(host_id, id)
        opened = self.opened(key)
        _log.info("key opened", host=host_id, what=id, key=key.kms_key)
        return opened

    def _of_volume(self, host_id: str, id: str) -> DataKey:
        view = self.store.view
        volume = view.get(records.VOLUME, id)
        if volume is None or volume.doc.key is None or not moving.may_open(view, volume, host_id):
            raise refusals.Refused(404, f"host {host_id} keeps no encrypted volume {id[:32]}")
        return volume.doc.key

    def _of_transfer(self, host_id: str, id: str) -> DataKey:
        key = transferring.carried(self.store.view, host_id, id).doc.key
        if key is None:
            raise refusals.Refused(404, f"the transfer {id[:40]} has no key")
        return key

    def opened(self, key: DataKey) -> OpenedKey:
        """Return a data key; raise `Refused` while the key store does not open it."""
        try:
            return OpenedKey(key.id, datakeys.opened(self.store.view, self.box, key))
        except datakeys.Locked as error:
            raise refusals.Refused(409, str(error)) from error
