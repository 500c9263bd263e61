"""What there is not in a network mode: refused by what the row presumes, before anybody looks on.

Called by the pipeline for every request. A row says what it presumes (`action.Presumes`); which
mode has it is said here, once.
"""

from mallee.aws import errors
from mallee.cloud.action import Action, Presumes
from mallee.model.configuration.settings import Network
from mallee.model.network import classic

_LACKED: dict[str, frozenset[Presumes]] = {
    "vpc": frozenset(),
    **{mode: frozenset({Presumes.OWN_NETWORKS}) for mode in classic.MANAGED},
    "static": frozenset({Presumes.OWN_NETWORKS, Presumes.PUBLIC_ADDRESSES}),
    "system": frozenset(Presumes) - {Presumes.NOTHING},
}


def check(action: Action, network: Network) -> None:
    """Raise `UnsupportedOperation` when the row presumes what the network mode has not."""
    if action.presumes in _LACKED[network.mode]:
        raise errors.UnsupportedOperation(
            f"{action.name} presumes {action.presumes.value}, and the network mode of this cloud "
            f"is {network.mode}."
        )
