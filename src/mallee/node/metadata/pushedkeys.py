"""SSH keys that were pushed to instances of this host, as their metadata shows them for a minute.

Kept in memory alone: a key is gone when its time is over, whatever else happens, and when the agent
is restarted. `questions` brings them, `service` asks for the paths. Lives in the agent's loop.
Not its business: who may push, and whether the guest looks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mallee.kit.clock import Clock
from mallee.model.hosts.hosts import PUSHED_KEY_S, InstanceWanted, PushedKey

PER_INSTANCE_MAX = 32
"""Keys of one instance at a time; of more, those that were pushed last stay."""
BLOCK_CHARACTERS_MAX = 16 << 10

_ACTIVE = "meta-data/managed-ssh-keys/active-keys"
_STAPLES = "meta-data/managed-ssh-keys/signer-ocsp"


@dataclass(slots=True)
class PushedKeys:
    """What is shown to which instance."""

    clock: Clock
    _by_instance: dict[str, list[PushedKey]] = field(default_factory=dict[str, list[PushedKey]])

    def push(self, instance_id: str, key: PushedKey) -> None:
        """Show a key from now on; raise `ValueError` for what is none.

        Whatever the cloud's clock says, it is shown no longer than a key is.
        """
        if not key.user or "/" in key.user or len(key.block) > BLOCK_CHARACTERS_MAX:
            raise ValueError("not a key for a user of a guest")
        now = self.clock.now()
        for other in list(self._by_instance):
            if not self._active(other):
                del self._by_instance[other]
        ends_at = min(key.expires_at, now + PUSHED_KEY_S)
        shown = [*self._active(instance_id), PushedKey(key.user, key.block, ends_at, key.staples)]
        self._by_instance[instance_id] = shown[-PER_INSTANCE_MAX:]

    def paths(self, instance: InstanceWanted) -> Mapping[str, str]:
        """Return what the instance's metadata has of them now."""
        told: dict[str, str] = {}
        for key in self._active(instance.id):
            path = f"{_ACTIVE}/{key.user}"
            told[path] = told.get(path, "") + key.block
            told |= {f"{_STAPLES}/{name}": word for name, word in key.staples.items()}
        return told

    def _active(self, instance_id: str) -> list[PushedKey]:
        now = self.clock.now()
        return [key for key in self._by_instance.get(instance_id, ()) if key.expires_at > now]
