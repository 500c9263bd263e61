"""Whether the front end that has the objects is away: then S3 answers 503 at all of them.

Pure. Called for what is said of services: to administrators, and by the heartbeat.
"""

from collections.abc import Iterable

from mallee.model.hosts.frontends import FrontEnd


def of_objects(found: Iterable[FrontEnd], present: frozenset[str] | None) -> str:
    """Return the name of the front end that serves S3 and is away; empty: it is there, or none is
    known to serve it. `present` are the ids of those that are there; None: there is one alone."""
    serving = [one for one in found if one.serves_objects]
    if present is None or any(one.id in present for one in serving):
        return ""
    return serving[0].name if serving else ""
