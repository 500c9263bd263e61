"""The cloud's part of giving keys of encrypted volumes: one for each that has none refused."""

import hashlib
from dataclasses import dataclass, field

from mallee.model.storage.datakeys import OpenedKey
from mallee.node import cloud


@dataclass(slots=True)
class Keys:
    """Opens a key for every volume, or says why not."""

    refused: dict[str, str] = field(default_factory=dict[str, str])
    is_away: bool = False
    asked: list[str] = field(default_factory=list[str])

    async def fetch_volume_key(self, volume_id: str) -> OpenedKey:
        """Return the key of a volume."""
        self.asked.append(volume_id)
        if self.is_away:
            raise cloud.CloudAway("nobody answers")
        if volume_id in self.refused:
            raise cloud.Refused(self.refused[volume_id])
        return key_of(volume_id)


def key_of(volume_id: str) -> OpenedKey:
    """Return the key of a volume."""
    secret = hashlib.sha256(volume_id.encode()).digest()
    return OpenedKey(secret.hex()[:32], secret)
