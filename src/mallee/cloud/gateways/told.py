"""What hosts are told of who leads to the world. Called by `hosts.slices`; it follows from what is
wanted alone."""

from mallee.cloud.state import records
from mallee.cloud.state.view import View
from mallee.model.network.gateways import WORLD, Charge, GatewayWanted


def wanted(view: View) -> GatewayWanted | None:
    """Return who is in charge; None: nobody yet.

    All hosts are told: one that cannot be in charge any more keeps its fence shut.
    """
    doc = _doc(view)
    if doc is None:
        return None
    return GatewayWanted(doc.host_id, doc.term, doc.standby_id, doc.standby_port)


def partners(view: View, host_id: str) -> frozenset[str]:
    """Return the hosts with which a host speaks about leases."""
    doc = _doc(view)
    if doc is None or host_id not in _named(doc):
        return frozenset()
    return frozenset(_named(doc)) - {host_id}


def _doc(view: View) -> Charge | None:
    record = view.get(records.GATEWAY, WORLD)
    return None if record is None else record.doc


def _named(doc: Charge) -> set[str]:
    return {doc.host_id, doc.standby_id, doc.former_id, *doc.standbys} - {""}
