"""How a host becomes part of the cloud: a token used once, then certificates that are renewed.

A *join token* is leave to join with one host within an hour; only its hash is kept, and until the
hour is over who has used it, so that who comes too late is told. Joining makes
the host's record and its first certificate, whose name is the host's id; the agent renews it long
before it ends. All of it are functions over a transaction, called by `hosts` (the agents'
endpoint), by the administration's `CreateJoinToken` and by tests.
Not its business: sockets, and what a joined host may ask.
"""

import base64
import hashlib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from mallee.cloud.ec2 import zones
from mallee.cloud.ec2.vpc import vpcs
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.refusals import Refused
from mallee.cloud.modes import settling
from mallee.cloud.state import records, store
from mallee.cloud.state.records import HostSeen, Kind, Record
from mallee.kit import pki
from mallee.kit.authorities import Authorities
from mallee.model import ids
from mallee.model.configuration import settings
from mallee.model.hosts import standing
from mallee.model.hosts.hosts import AGENT_SILENT_AFTER_S, Host, JoinToken
from mallee.model.hosts.standing import ALL_ROLES, Role

TOKEN_LIFE_S = 3600.0
CERTIFICATE_LIFE_S = 7 * pki.DAY_S
_TOKEN_BYTES = 32
_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?")

Entropy = Callable[[int], bytes]
_Leave = Kind[JoinToken, None]
_COMMANDS: Mapping[_Leave, str] = {
    records.JOIN_TOKEN: "mallee node join",
    records.FRONT_END_TOKEN: "mallee frontends join",
}


class JoinRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent without a certificate sends."""

    token: str
    csr_pem: str
    name: str
    zone: str | None = None
    address: str = ""
    """At which other hosts reach it; empty: it does not know."""
    roles: tuple[str, ...] = ()
    """What it shall do; none: everything, or what it did before."""


class RenewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent sends to receive its next certificate."""

    csr_pem: str


class Certified(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's certificate, and whom it shall trust."""

    host_id: str
    certificate_pem: str
    ca_pem: str


@dataclass(frozen=True, slots=True)
class Registry:
    """Who signs, and in which zone hosts are that name none."""

    authorities: Authorities
    region: str
    zone: str
    entropy: Entropy
    guests: tuple[str, ...] = ()
    """The ranges of guests' addresses, which no host has."""


def registry(authorities: Authorities, configured: settings.Settings) -> Registry:
    """Return the registry of a cloud."""
    return Registry(
        authorities, configured.region, configured.zone, os.urandom, guests_ranges(configured)
    )


def guests_ranges(configured: settings.Settings) -> tuple[str, ...]:
    """Return the ranges of guests' addresses."""
    network = configured.network
    ranges = (*settings.guests_ranges(network), network.ipv6_range)
    return tuple(filter(None, ranges))


def create_token(tx: store.Tx, entropy: Entropy) -> str:
    """Return a token that is good for one host within `TOKEN_LIFE_S`."""
    return give_token(tx, records.JOIN_TOKEN, entropy)


def give_token(tx: store.Tx, kind: _Leave, entropy: Entropy) -> str:
    """Return a token of that kind, and forget those whose hour is over."""
    for record in tx.list(kind):
        if record.doc.expires_at <= tx.now:
            tx.delete(record)
    # Letters and digits alone: no command takes it for an option of its own.
    token = base64.b32encode(entropy(_TOKEN_BYTES)).decode().rstrip("=").lower()
    id = _hash(token)
    tx.insert(kind, "", id, JoinToken(id=id, expires_at=tx.now + TOKEN_LIFE_S))
    return token


def use_token(tx: store.Tx, kind: _Leave, token: str, name: str) -> None:
    """Use a token of that kind up, for who joins under that name; raise `Refused`."""
    id = _hash(token)
    leave = tx.get(kind, id)
    if leave is None:
        for other, command in _COMMANDS.items():
            if tx.get(other, id) is not None:
                raise Refused(403, f"this invitation is good for another command: {command}")
        raise Refused(403, "this cloud gave no such invitation within the last hour")
    if leave.doc.used_by:
        raise Refused(403, f"the invitation was used already, by {leave.doc.used_by}")
    if leave.doc.expires_at <= tx.now:
        raise Refused(403, "the invitation is older than an hour")
    tx.write(leave, msgspec.structs.replace(leave.doc, used_by=name))


def join(tx: store.Tx, registry: Registry, request: JoinRequest) -> Certified:
    """Use the token up, make (or find again) the host of that name, and certify it.

    Raises `Refused` and changes nothing.
    """
    use_token(tx, records.JOIN_TOKEN, request.token, request.name[:80])
    if not _NAME.fullmatch(request.name):
        raise Refused(400, f"'{request.name[:80]}' is no host name; use letters, digits, - and .")
    earlier = _by_name(tx, request.name)
    zone = _choose_zone(tx, registry, request.zone, earlier)
    address = check_address(tx, registry.guests, request.address, earlier)
    roles = _check_roles(request.roles) or (earlier.doc.roles if earlier else ALL_ROLES)
    id = earlier.id if earlier else ids.make("host", registry.entropy(ids.ID_BYTES))
    certified, serial = _certify(registry, id, request.csr_pem, tx.now)
    host = Host(
        id=id,
        name=request.name,
        zone=zone,
        certificate_serial=serial,
        joined_at=tx.now,
        address=address,
        roles=roles,
        authorities=registry.authorities.ids,
    )
    if earlier is None:
        tx.insert(records.HOST, "", id, host)
        zones.ensure(tx, zone)
        vpcs.extend_to_zone(tx, zone, registry.entropy)
    elif earlier.seen is None or earlier.seen.is_silent:
        # It lost its certificate; what was placed on it is still there for it to find.
        tx.write(earlier, msgspec.structs.replace(host, standing=earlier.doc.standing))
    else:
        raise Refused(
            409,
            f"a host named {request.name} is joined and alive; give another name (--name), or wait "
            f"until it is not heard any more, {AGENT_SILENT_AFTER_S:g} s after its agent has ended",
        )
    standings.note(tx, id)
    return certified


def _choose_zone(
    tx: store.Tx, registry: Registry, asked: str | None, earlier: Record[Host, HostSeen] | None
) -> str:
    """Return the zone of a host that joins; raise `Refused`."""
    before = earlier.doc.zone if earlier else registry.zone
    zone = asked or before
    is_usual = re.fullmatch(re.escape(registry.region) + "[a-z]", zone)
    if not is_usual and zone != before and tx.get(records.ZONE, zone) is None:
        raise Refused(
            400,
            f"'{zone[:80]}' is no zone here; make it (mallee zones create), or take one of "
            f"{registry.region}a to …z",
        )
    if why := settling.refuses_zone(tx, zone):
        raise Refused(400, why)
    if earlier is not None and zone != before and _keeps_anything(tx, earlier.id):
        raise Refused(409, f"what the host {earlier.doc.name} keeps is in the zone {before}")
    return zone


def _keeps_anything(tx: store.Tx, host_id: str) -> bool:
    carried = tx.by(records.INSTANCE, "host", host_id)
    has_instances = any(one.doc.gone_at is None for one in carried)
    return has_instances or bool(tx.by(records.VOLUME, "host", host_id))


def _check_roles(names: tuple[str, ...]) -> tuple[Role, ...]:
    try:
        return standing.parse_roles(names)
    except ValueError as error:
        raise Refused(400, str(error)) from error


def check_address(
    tx: store.Tx, guests: tuple[str, ...], text: str, own: Record[Host, HostSeen] | None
) -> str:
    """Return an address in its usual form when the host may have it; raise `Refused`."""
    if not text:
        return ""
    try:
        # A zone (`fe80::1%…`) is the host's own matter, and may be any text.
        address = ipaddress.ip_address(text.replace("%", " "))
    except ValueError as error:
        raise Refused(400, f"'{text[:80]}' is no address; give an IPv4 or IPv6 one") from error
    if address.version == 6 and address.ipv4_mapped is not None:
        raise Refused(400, f"'{text[:80]}' is {address.ipv4_mapped}; give it as that")
    is_special = address.is_multicast or address.is_unspecified or address.is_link_local
    if address.is_loopback or is_special:
        raise Refused(400, f"at {address} no other host reaches this one; give --address")
    for text in guests:
        if address in ipaddress.ip_network(text):
            raise Refused(400, f"{address} is of the guests' range {text}; give another address")
    for other in tx.list(records.HOST):
        is_another = own is None or other.id != own.id
        if other.doc.address == str(address) and is_another and standings.is_member(other):
            raise Refused(409, f"the host {other.doc.name} is at {address}; give another address")
    return str(address)


def renew(tx: store.Tx, registry: Registry, host_id: str, request: RenewRequest) -> Certified:
    """Certify the host anew; its certificate of before stays good until this one is used.

    While one that was issued is not used, the one before it asks: then that stays, for the answer
    may be lost again.
    """
    host = tx.get(records.HOST, host_id)
    if host is None or not standings.is_member(host):
        raise Refused(403, f"host {host_id} is no longer part of this cloud")
    certified, serial = _certify(registry, host_id, request.csr_pem, tx.now)
    renewed = msgspec.structs.replace(
        host.doc,
        certificate_serial=serial,
        former_serial=host.doc.former_serial or host.doc.certificate_serial,
        authorities=registry.authorities.ids,
    )
    tx.write(host, renewed)
    return certified


def forget_former(tx: store.Tx, host_id: str, serial: str) -> None:
    """Let only the host's newest certificate be good: it was seen in use, and `serial` is its."""
    host = tx.get(records.HOST, host_id)
    if host is not None and host.doc.former_serial and host.doc.certificate_serial == serial:
        tx.write(host, msgspec.structs.replace(host.doc, former_serial=""))


def _certify(registry: Registry, host_id: str, csr_pem: str, now: float) -> tuple[Certified, str]:
    # Hosts call each other too, and one that is called shows by its certificate which one it is.
    grant = pki.Grant(
        name=host_id, now=now, life_s=CERTIFICATE_LIFE_S, hosts=(host_id,), is_both=True
    )
    try:
        certificate = pki.issue(registry.authorities.signer, csr_pem.encode(), grant)
    except pki.BadRequest as error:
        raise Refused(400, str(error)) from error
    certified = Certified(
        host_id=host_id,
        certificate_pem=certificate.decode(),
        ca_pem=registry.authorities.bundle_pem,
    )
    return certified, pki.read_certificate(certificate).serial


def _by_name(tx: store.Tx, name: str) -> Record[Host, HostSeen] | None:
    found = (host for host in tx.by(records.HOST, "name", name) if standings.is_member(host))
    return next(found, None)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
