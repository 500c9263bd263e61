"""Whether a guest can be reached, from whether it answered each time it was asked.

Pure; `node.reachability` asks and remembers. A guest that boots is given time, and so is one that
has answered before: a reboot is no impairment.
"""

from dataclasses import dataclass
from dataclasses import replace as changed

from mallee.model.compute.instances import Reach

BOOT_PATIENCE_S = 300.0
"""How long a guest that has not answered in this launch may be silent before it is impaired."""
PATIENCE_S = 60.0
"""How long one that has answered may."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a launch of a guest."""

    launch: int
    reach: Reach | None = None
    silent_since: float | None = None
    """When it first did not answer, since it last did; None: it did when last asked."""


def observe(known: Known | None, launch: int, answered: bool, now: float) -> Known:
    """Return what is known after the guest was asked once more."""
    if known is None or known.launch != launch:
        known = Known(launch)
    if answered:
        was_reached = known.reach is not None and known.reach.answers
        return Known(launch, known.reach if was_reached else Reach(answers=True, since=now))
    silent_since = now if known.silent_since is None else known.silent_since
    known = changed(known, silent_since=silent_since)
    patience_s = BOOT_PATIENCE_S if known.reach is None else PATIENCE_S
    is_impaired = known.reach is not None and not known.reach.answers
    if is_impaired or now - silent_since < patience_s:
        return known
    return changed(known, reach=Reach(answers=False, since=silent_since))
