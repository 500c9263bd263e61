"""What must hold in a simulation, at every moment and at its end.

Each law looks at everything there is: at what the store has, at what customers were told, and at
what is really on the machines, which nobody in the cloud can know.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mallee.cloud import quotas
from mallee.cloud.hosts.placing import reserved
from mallee.cloud.state import records
from mallee.cloud.state.index import Index
from mallee.cloud.state.records import Kind
from mallee.cloud.state.view import View
from mallee.model.compute.instances import Power, State, state_of
from mallee.model.network.gateways import WORLD
from tests.simulation.customers import Customer
from tests.simulation.machines import FACTS, Machine

_KINDS: Mapping[str, Kind[Any, Any]] = {
    "i": records.INSTANCE,
    "vol": records.VOLUME,
    "snap": records.SNAPSHOT,
}


class Broken(Exception):
    """A law does not hold."""


def check_machines(view: View, machines: Iterable[Machine]) -> None:
    """One writer for each volume, one host for each instance, one guest for each address."""
    writers: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    ips: Counter[tuple[str, str]] = Counter()
    for machine in machines:
        for id, guest in machine.disk.guests.items():
            if guest.is_on:
                runs[id] += 1
                writers.update(guest.open)
                ips.update(guest.ips)
    require_one("instances run on several hosts", runs)
    shared = {one.id for one in view.list(records.VOLUME) if one.doc.multi_attach}
    for id in shared:
        del writers[id]
    require_one("volumes have several writers", writers)
    require_one("addresses have several guests", ips)


def check_leading(machines: Iterable[Machine]) -> None:
    """One host at most leads to the world."""
    leading = [machine.id for machine in machines if machine.fence.leads]
    if len(leading) > 1:
        raise Broken(f"{leading} lead to the world at once")


def check_store(view: View, customers: Iterable[Customer]) -> None:
    """Nothing is given twice, nothing is used beyond what there is or may be."""
    check_given_once(view)
    for host in view.list(records.HOST):
        for resource in reserved.RESOURCES:
            used = view.total(reserved.space(host.id, resource))
            if used > getattr(FACTS.capacity, resource):
                raise Broken(f"{host.id} carries {used} {resource}")
    for customer in customers:
        check_account(view, customer.who.account)


def check_given_once(view: View) -> None:
    """An address is one interface's."""
    interfaces = view.list(records.INTERFACE)
    ips = Counter(
        (one.doc.vpc_id, address)
        for one in interfaces
        for address in (one.doc.private_ip, *one.doc.secondary_ips)
    )
    require_one("addresses have several interfaces", ips)
    public = Counter(one.doc.public_ip for one in interfaces if one.doc.public_ip)
    elastic = Counter(one.doc.public_ip for one in view.list(records.ADDRESS))
    require_one("public addresses are given twice", public + elastic)
    ends = Counter(
        (one.doc.interface_id, one.doc.private_ip)
        for one in view.list(records.ADDRESS)
        if one.doc.interface_id
    )
    require_one("an interface's address has several elastic ones", ends)


def check_account(view: View, account: str) -> None:
    """No quota is exceeded, and what was asked for once is there once."""
    for quota in quotas.of_account(view, account):
        used = quotas.used(view, account, quota)
        if used > quota.most:
            raise Broken(f"{account} has {used} of {quota.key}")
    made = Counter(
        (one.doc.client_token, one.doc.launch_index)
        for one in view.list(records.INSTANCE, account)
        if one.doc.client_token
    )
    require_one("tokens made several instances", made)


def check_promises(view: View, customer: Customer) -> None:
    """What was answered is so."""
    for token, ids in customer.promises.by_token.items():
        for id in ids - customer.promises.given_back:
            if view.get(_KINDS[id.partition("-")[0]], id) is None:
                raise Broken(f"{id}, which {token} made, is not there")


def check_settled(view: View, machines: Iterable[Machine]) -> None:
    """In peace everything comes to be as it is wanted."""
    at = {machine.id: machine for machine in machines}
    check_led(view, at)
    for snapshot in view.list(records.SNAPSHOT):
        if snapshot.doc.content is None:
            raise Broken(f"{snapshot.id} is never complete: {snapshot}")
    for one in view.list(records.INSTANCE):
        guest = at[one.doc.host_id].disk.guests.get(one.id)
        is_on = guest is not None and guest.is_on
        state = state_of(one.doc, one.seen)
        if state not in (State.RUNNING, State.STOPPED, State.TERMINATED):
            raise Broken(f"{one.id} is {state.label} for ever: {one.doc.reason} {one.seen}")
        if one.doc.migration is not None:
            raise Broken(f"{one.id} is on its way for ever: {one.doc.migration} {one.seen}")
        if is_on is not (state is State.RUNNING):
            raise Broken(f"{one.id} is said to be {state.label}, and is not: {guest}")
    for volume in view.list(records.VOLUME):
        doc = volume.doc
        if doc.move is not None and doc.move.is_live:
            raise Broken(f"{volume.id} is on its way for ever: {doc}")
        if doc.deleted_at is None and volume.id not in at[doc.host_id].disk.volumes:
            raise Broken(f"{volume.id} has no bytes on {doc.host_id}: {volume.seen}")
        for one in doc.attachments:
            instance = view.get(records.INSTANCE, one.instance_id)
            assert instance is not None
            guest = at[instance.doc.host_id].disk.guests.get(instance.id)
            if one.is_leaving and not (guest is not None and guest.is_on):
                raise Broken(f"{volume.id} is leaving {one.instance_id} for ever")
            has = guest.open if guest is not None and guest.is_on else frozenset((volume.id,))
            is_wanted = instance.doc.power is Power.RUNNING and not one.is_leaving
            if is_wanted and volume.id not in has:
                raise Broken(f"{volume.id} does not come to {one.instance_id}")


def check_led(view: View, machines: Mapping[str, Machine]) -> None:
    """Who is in charge leads to the world, and has a standby if there is any."""
    charged = view.get(records.GATEWAY, WORLD)
    if charged is None or not machines[charged.doc.host_id].fence.leads:
        raise Broken(f"nobody leads to the world: {charged}")
    if not charged.doc.is_known or bool(charged.doc.standby_id) is not (len(machines) > 1):
        raise Broken(f"nobody would take over: {charged}")


def check_nothing_left(view: View, machines: Iterable[Machine], before: Index) -> None:
    """When everything was given back, nothing is held, and nothing lies on any host."""
    for machine in machines:
        disk = machine.disk
        if disk.guests or disk.volumes or disk.lost or disk.remains or disk.uploads:
            raise Broken(f"{machine.id} still has {machine.disk}")
    for found in (
        view.list(records.VOLUME),
        view.list(records.ADDRESS),
        view.list(records.INTERFACE),
        view.list(records.SNAPSHOT),
    ):
        left = [one.id for one in found]
        if left:
            raise Broken(f"{left} are left")
    for one in view.list(records.INSTANCE):
        if one.doc.gone_at is None:
            raise Broken(f"{one.id} is never gone: {one}")
    known = {(claim.space, claim.key, claim.amount) for claim in before.all_claims()}
    left_claims = sorted(set(claims(view)) - known)
    if left_claims:
        raise Broken(f"claims are left: {left_claims}")
    missing = sorted(known - set(claims(view)))
    if missing:
        raise Broken(f"claims are gone: {missing}")


def claims(view: View) -> Iterator[tuple[str, str, int]]:
    """All that is claimed: of what, which, and how much."""
    index: Index = view._index  # pyright: ignore[reportPrivateUsage]
    for claim in index.all_claims():
        yield claim.space, claim.key, claim.amount


def require_one(what: str, counts: Mapping[Any, int]) -> None:
    """Raise when something is there more than once."""
    several = sorted(str(key) for key, count in counts.items() if count > 1)
    if several:
        raise Broken(f"{what}: {several}")
