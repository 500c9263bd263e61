"""What must hold of a real lab: at every moment, when it has become quiet, and when all is given
back. Each law looks at what is really there (`looks`) and at the store's rows, and asks nobody.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mallee.cloud.state import records
from mallee.cloud.state.records import Kind
from mallee.cloud.state.view import View
from mallee.model.compute.instances import Instance, Power, State, state_of
from mallee.model.hosts.standing import Standing
from mallee.model.storage.volumes import Volume
from tests.labs import Lab
from tests.simulation.laws import Broken, claims, require_one
from tests.storms import looks
from tests.storms.customers import Promises
from tests.storms.schedule import HOSTS

SEEN_TWICE = 3
"""So many looks one after the other must find two guests of one instance running: one may have
stopped between the look at it and the look at the other."""


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is there, at about one moment."""

    view: View
    hosts: Mapping[str, looks.Host]
    """By the ids under which the cloud knows them."""
    guests: tuple[looks.Guest, ...]


def fetch_scene(lab: Lab) -> Scene:
    """Look at everything."""
    hosts = {lab.host_id(name): looks.fetch_host(lab, name) for name in HOSTS}
    return Scene(looks.read_store(lab), hosts, tuple(looks.fetch_guests(lab)))


# --- at every moment ---


def check_guests(lab: Lab) -> None:
    """One guest for each instance, one writer for each volume."""
    broken = ""
    for _ in range(SEEN_TWICE):
        broken = _find_several(lab, looks.fetch_guests(lab))
        if not broken:
            return
    raise Broken(broken)


def _find_several(lab: Lab, guests: list[looks.Guest]) -> str:
    for id in {one.id for one in guests}:
        of_it = [one for one in guests if one.id == id]
        # A guest that comes from another host waits until it has gone there.
        if len(of_it) > 1 and sum(looks.is_running(lab, one) for one in of_it) > 1:
            return f"{id} runs several times: {of_it}"
    for volume in {volume for one in guests for volume in one.volumes}:
        writers = {one.id for one in guests if volume in one.volumes}
        if len(writers) > 1:
            return f"{volume} has several writers: {sorted(writers)}"
    return ""


# --- when it is quiet ---


def check_quiet(scene: Scene) -> None:
    """Everything has come to be as it is wanted, and nothing else is there."""
    for record in scene.view.list(records.HOST):
        seen = record.seen
        if record.doc.standing is Standing.RETIRED:
            continue
        if seen is None or seen.is_silent:
            raise Broken(f"{record.id} is not heard")
        if seen.facts.problems or seen.leftovers:
            raise Broken(f"{record.id} has {seen.facts.problems} {seen.leftovers}")
    check_instances(scene)
    check_volumes(scene)
    check_keys(scene.view)
    for snapshot in scene.view.list(records.SNAPSHOT):
        if not snapshot.doc.completed_at:
            raise Broken(f"{snapshot.id} is never complete: {snapshot.seen} {snapshot.doc}")
    check_network(scene)


def check_keys(view: View) -> None:
    """Keys that were to be replaced are."""
    for one in view.list(records.AUTHORITY):
        if one.seen is None or not one.seen.ended_at:
            raise Broken(f"the authority is replaced for ever: {one}")
    for one in view.list(records.KEY_ROTATION):
        if one.seen is None or not one.seen.resealed_at:
            raise Broken(f"the master key is rotated for ever: {one}")


def check_instances(scene: Scene) -> None:
    """What is said to run runs, once, where it is said; and nothing else does."""
    at = {id: host.name for id, host in scene.hosts.items()}
    known: set[str] = set()
    for one in scene.view.list(records.INSTANCE):
        known.add(one.id)
        state = state_of(one.doc, one.seen)
        if state not in (State.RUNNING, State.STOPPED, State.TERMINATED) or one.doc.migration:
            raise Broken(f"{one.id} is {state.label} for ever: {one}")
        guests = [guest.host for guest in scene.guests if guest.id == one.id]
        expected = [at[one.doc.host_id]] if state is State.RUNNING else []
        if guests != expected:
            raise Broken(f"{one.id} is {state.label}, and has guests on {guests}: {one}")
        for host in scene.hosts.values():
            is_its = state is not State.TERMINATED and host.name == at[one.doc.host_id]
            if f"instances/{one.id}" in host.files and not is_its:
                raise Broken(f"{host.name} has files of {one.id}, which is {state.label}")
    strangers = {id for host in scene.hosts.values() for id in host.domains} - known
    if strangers:
        raise Broken(f"nobody knows the guests {sorted(strangers)}")


def check_volumes(scene: Scene) -> None:
    """Each volume lies on its host, and running guests have theirs and no others."""
    wanted: dict[str, set[str]] = {}
    for one in scene.view.list(records.VOLUME):
        doc = one.doc
        if doc.move or doc.former_host_id or any(place.is_leaving for place in doc.attachments):
            raise Broken(f"{one.id} is on its way for ever: {one}")
        if doc.deleted_at is not None:
            raise Broken(f"{one.id} is deleted for ever: {one}")
        if f"volumes/{one.id}" not in scene.hosts[doc.host_id].files:
            raise Broken(f"{one.id} is not on {doc.host_id}: {one}")
        _note(wanted, one.id, doc)
    for guest in scene.guests:
        had, said = sorted(guest.volumes), sorted(wanted.get(guest.id, set()))
        if had != said:
            raise Broken(f"{guest.id} has {had} open, and is said to have {said}")


def _note(wanted: dict[str, set[str]], id: str, doc: Volume) -> None:
    for place in doc.attachments:
        wanted.setdefault(place.instance_id, set()).add(id)


def check_network(scene: Scene) -> None:
    """Each address leads to its interface on one host, and rules are those that are wanted."""
    led = [(vpc, address) for host in scene.hosts.values() for vpc, address, _ in host.addresses]
    require_one("addresses lead to several taps", Counter(led))
    found = {
        (vpc, address): (host.name, tap)
        for host in scene.hosts.values()
        for vpc, address, tap in host.addresses
    }
    wanted: dict[tuple[str, str], tuple[str, str]] = {}
    publics: list[str] = []
    off: list[str] = []
    for one in scene.view.list(records.INSTANCE):
        if state_of(one.doc, one.seen) is not State.RUNNING:
            # Who leads to the world may lead an address on to where nobody runs just now.
            off += _publics_of(scene.view, one.doc)
            continue
        publics += _publics_of(scene.view, one.doc)
        host = scene.hosts[one.doc.host_id].name
        for interface_id in one.doc.interface_ids:
            record = scene.view.get(records.INTERFACE, interface_id)
            assert record is not None
            tap = f"mt{interface_id.removeprefix('eni-')[:13]}"
            for address in (record.doc.private_ip, *record.doc.secondary_ips):
                wanted[one.doc.vpc_id, address] = (host, tap)
    if found != wanted:
        raise Broken(f"addresses lead to {found}, and shall lead to {wanted}")
    shown = [address for host in scene.hosts.values() for address in host.publics]
    if sorted(set(shown) - set(off)) != sorted(publics) or len(shown) != len(set(shown)):
        raise Broken(f"public addresses lead on: {sorted(shown)}; shall: {sorted(publics)}")


def _publics_of(view: View, instance: Instance) -> list[str]:
    worn = (view.get(records.INTERFACE, id) for id in instance.interface_ids)
    return [
        address
        for one in worn
        if one is not None
        for address in _publics(view, one.id, one.doc.public_ip)
    ]


def _publics(view: View, interface_id: str, lent: str | None) -> list[str]:
    elastic = [
        one.doc for one in view.list(records.ADDRESS) if one.doc.interface_id == interface_id
    ]
    has_primary = any(not one.private_ip for one in elastic)
    return [one.public_ip for one in elastic] + ([lent] if lent and not has_primary else [])


# --- what was promised ---


def check_promises(scene: Scene, promises: Iterable[Promises]) -> None:
    """What was answered is so: nothing of it is lost, and nothing was done twice."""
    all = list(promises)
    given_back = {id for one in all for id in one.given_back}
    there = _ids(scene.view, records.INSTANCE, records.VOLUME, records.SNAPSHOT, records.ADDRESS)
    for told in all:
        for token, answers in told.by_token.items():
            if len(set(answers)) > 1:
                raise Broken(f"{token} was answered with {answers}")
            for id in set(answers[0]) - given_back - there:
                raise Broken(f"{id}, which {token} made, is not there")
    ended = {id for one in all for id in one.terminated}
    for one in scene.view.list(records.INSTANCE):
        if one.id in ended and one.doc.power is not Power.TERMINATED:
            raise Broken(f"{one.id} was terminated, and shall be {one.doc.power}")


def check_ports(scene: Scene, group_id: str, ports: Mapping[int, bool | None]) -> None:
    """The ports that are known to be open or closed are so, wherever the group has a guest."""
    for one in scene.view.list(records.INSTANCE):
        if state_of(one.doc, one.seen) is not State.RUNNING:
            continue
        record = scene.view.get(records.INTERFACE, one.doc.interface_ids[0])
        if record is None or group_id not in record.doc.group_ids:
            continue
        rules = scene.hosts[one.doc.host_id].rules
        for port, is_open in ports.items():
            if is_open is not None and bool(re.search(rf"\b{port}\b", rules)) is not is_open:
                raise Broken(f"port {port} of {group_id} on {one.doc.host_id} is not {is_open}")


# --- when all is given back ---


def check_nothing_left(scene: Scene, before: Scene) -> None:
    """Nothing is held that was not before, and nothing lies on any host."""
    begun = {host.name: host for host in before.hosts.values()}
    for host in scene.hosts.values():
        was = begun[host.name]
        left = (
            *host.domains - was.domains,
            *host.taps - was.taps,
            *host.vpcs - was.vpcs,
            *set(host.files) - set(was.files),
            *host.publics - was.publics,
        )
        if left:
            raise Broken(f"{host.name} still has {sorted(left)}")
    if scene.guests:
        raise Broken(f"guests are left: {scene.guests}")
    kinds = (records.VOLUME, records.ADDRESS, records.INTERFACE, records.SNAPSHOT)
    rows = sorted(_ids(scene.view, *kinds))
    rows += [one.id for one in scene.view.list(records.INSTANCE) if one.doc.gone_at is None]
    if rows:
        raise Broken(f"{rows} are left")
    if changed := set(claims(scene.view)) ^ set(claims(before.view)):
        raise Broken(f"claims are left, or gone: {sorted(changed)}")


def _ids(view: View, *kinds: Kind[Any, Any]) -> set[str]:
    return {one.id for kind in kinds for one in view.list(kind)}
