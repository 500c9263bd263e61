"""Which processor a guest sees that starts on a host: what all hosts of its zone can show.

Asked when an instance is launched or started, and written down with it: what a running guest sees
does not change when another host joins. Only hosts of the same virtualisation count, for a guest
goes from one to the other no more than a machine does. What a baseline is, is `model.cpus`'.
"""

from mallee.cloud.hosts import standings
from mallee.cloud.state import records, store
from mallee.model.hosts import cpus
from mallee.model.hosts.standing import Role


def of(view: store.View | store.Tx, host_id: str) -> str:
    """Return the model for a guest that starts on the host now; empty: the host's own."""
    host = view.get(records.HOST, host_id)
    if host is None or host.seen is None or host.seen.facts.cpu is None:
        # Of one that does not say what it can show, no named model is asked.
        return ""
    found = [
        other.seen.facts.cpu
        for other in view.by(records.HOST, "zone", host.doc.zone)
        if standings.is_member(other) and Role.COMPUTE in other.doc.roles
        if other.seen is not None and other.seen.facts.cpu is not None
        if other.seen.facts.acceleration == host.seen.facts.acceleration
    ]
    return cpus.baseline(found)
