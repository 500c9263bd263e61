"""Which routes a transit gateway's table has in the end: its own, those of lists, and what is
propagated to it.

One answer for users, who search them, and for hosts, which carry them out. A static route wins over
one of a prefix list, and that over a propagated one, of the same destination; of two VPCs with the
same range the one that was attached first has it. It follows from what is wanted alone. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.network.transit import Attachment, Phase, TransitTable

Reader = store.View | store.Tx


@dataclass(frozen=True, slots=True)
class Effective:
    """A route as it is in effect."""

    cidr: str
    attachment_id: str
    """Empty where it was made a black hole."""
    is_static: bool
    is_open: bool
    """Whether it leads anywhere: else it is a black hole, made or become."""
    prefix_list_id: str = ""


def routes(view: Reader, table: TransitTable) -> list[Effective]:
    """Return the routes of a table, by destination."""
    found: dict[str, Effective] = {}
    for one in (*_own(view, table), *_propagated(view, table)):
        found.setdefault(one.cidr, one)
    return [found[cidr] for cidr in sorted(found)]


def _own(view: Reader, table: TransitTable) -> Iterator[Effective]:
    for route in sorted(table.routes, key=lambda it: bool(it.prefix_list_id)):
        is_open = leads(view, route.attachment_id, table.gateway_id)
        cidrs: tuple[str, ...] = (route.cidr,)
        if route.prefix_list_id:
            held = view.get(records.PREFIX_LIST, route.prefix_list_id)
            cidrs = tuple(entry.cidr for entry in held.doc.entries) if held else ()
        for cidr in cidrs:
            yield Effective(cidr, route.attachment_id, True, is_open, route.prefix_list_id)


def leads(view: Reader, attachment_id: str, gateway_id: str) -> bool:
    """Tell whether an attachment carries packets for that gateway."""
    found = view.get(records.TRANSIT_ATTACHMENT, attachment_id) if attachment_id else None
    if found is None or not is_open(view, found):
        return False
    return gateway_id in (found.doc.gateway_id, found.doc.peer.gateway_id if found.doc.peer else "")


def is_open(view: Reader, attachment: Record[Attachment, None]) -> bool:
    """Tell whether packets pass: an account that is deleted takes its VPC or gateway along."""
    doc = attachment.doc
    if doc.phase is not Phase.OPEN or view.get(records.TRANSIT_GATEWAY, doc.gateway_id) is None:
        return False
    if doc.vpc is not None:
        return view.get(records.VPC, doc.vpc.vpc_id) is not None
    return (
        doc.peer is not None and view.get(records.TRANSIT_GATEWAY, doc.peer.gateway_id) is not None
    )


def _propagated(view: Reader, table: TransitTable) -> Iterator[Effective]:
    found = view.by(records.TRANSIT_ATTACHMENT, "table", table.id)
    sources = [it for it in found if table.id in it.doc.propagated_to and is_open(view, it)]
    for source in sorted(sources, key=lambda it: (it.doc.created_at, it.id)):
        end = source.doc.vpc
        vpc = view.get(records.VPC, end.vpc_id) if end is not None else None
        if end is None or vpc is None:
            continue
        cidrs = (*vpc.doc.cidrs, *(it.cidr for it in vpc.doc.ipv6_cidrs if end.ipv6))
        for cidr in cidrs:
            yield Effective(cidr, source.id, False, True)
