"""VPCs: each account has a default one, with a default subnet per zone and a default group.

Called through the action table, and by whoever makes an account (`create_default`). How hosts
carry a VPC is not its business.
"""

from collections.abc import Callable

from mallee.cloud.state import store
from mallee.cloud.state.records import Record
from mallee.model.networks import Vpc
from mallee.model.settings import Settings

Entropy = Callable[[int], bytes]


def create_default(
    tx: store.Tx, account: str, settings: Settings, entropy: Entropy
) -> Record[Vpc, None]:
    """Give the account its default VPC, a default subnet per zone, and a default group.

    The zones are those of the settings and of all hosts that have joined.
    """
    raise NotImplementedError
