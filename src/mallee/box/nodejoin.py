"""Makes this machine a host of a cloud that runs elsewhere: `mallee node join`, and later starts.

A host's root directory is one without settings: they are the cloud's. The *invitation* that the
cloud's machine prints has all that is needed: a token that is good once and for an hour, the
fingerprint of the cloud's authority, so that nobody between can pose as it, and the address.
Not its business: the joining itself, which is the agent's (`node.sync`).
"""

import email.utils
import hashlib
import http.client
import re
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from mallee.box import owners, status, steps, up
from mallee.kit import clock, files
from mallee.model.layout import Layout
from mallee.node import membership, silence

JOINED_S_MAX = 90.0
_ANSWER_BYTES_MAX = 1 << 20
_ANSWER_S_MAX = 10.0
_INVITATION = re.compile(
    r"([A-Za-z0-9_-]{16,128})\.([0-9a-f]{64})@([A-Za-z0-9.-]+|\[[0-9a-f:.]+\]):([0-9]{1,5})"
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """Leave to join with one host."""

    token: str
    fingerprint: str
    """SHA-256 of the PEM text of the cloud's authority, in hexadecimal."""
    host: str
    """Where the cloud's agents' endpoint is: a name, or an address."""
    port: int

    def __str__(self) -> str:
        return f"{self.token}.{self.fingerprint}@{self.host}:{self.port}"


def invite(token: str, ca_pem: str, host: str, port: int) -> Invitation:
    """Return an invitation to the cloud of that authority."""
    shown = f"[{host}]" if ":" in host else host
    return Invitation(token, _fingerprint(ca_pem), shown, port)


def parse(text: str) -> Invitation:
    """Read an invitation; raise `steps.Failed`."""
    found = _INVITATION.fullmatch(text.strip())
    if found is None or not 0 < int(found[4]) < 1 << 16:
        raise steps.Failed(
            "this is no invitation", "have the cloud's machine print one: mallee node invite"
        )
    return Invitation(found[1], found[2], found[3], int(found[4]))


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said who was asked as a cloud."""

    ca_pem: str
    """The certificate of its authority."""
    date: str
    """The time by its clock, as HTTP writes it; empty: it did not say."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How this machine shall be a host."""

    invitation: Invitation
    name: str = ""
    """Empty: as the machine is called."""
    zone: str = ""
    """Empty: the cloud's first."""
    address: str = ""
    """At which other hosts reach it; empty: where its way to the cloud begins."""
    roles: tuple[str, ...] = ()
    """None: all."""
    again: bool = False
    """Whether it may be a host already, that joins anew as who it was."""


def join_plan(layout: Layout, wish: Wish) -> tuple[steps.Step, ...]:
    """Return the steps by which this machine joins."""
    return (
        steps.Step("See that nothing else is here", lambda say: _check(layout, wish)),
        steps.Step("Ask the cloud who it is", lambda say: _write_token(layout, wish)),
        *start_plan(layout),
    )


def start_plan(layout: Layout) -> tuple[steps.Step, ...]:
    """Return the steps by which the daemons of a host start."""
    return (
        *up.machine_steps(layout),
        up.guest_step(layout),
        up.prove_step(layout),
        up.daemons_step(layout),
        steps.Step("Wait until the cloud has taken it", lambda say: _wait_joined(layout)),
    )


def _check(layout: Layout, wish: Wish) -> str:
    member = membership.read(layout)
    if member is None or not wish.again or layout.settings.exists():
        return check_free(layout)
    if status.find(layout, "node") is not None:
        raise steps.Failed(f"the agent of the host {member.host_id} runs", "mallee down")
    return f"the host {member.host_id}, which joins again"


def check_free(layout: Layout) -> str:
    """See that no cloud and no host is under the root; raise `Failed`."""
    if layout.settings.exists():
        raise steps.Failed(
            f"{layout.root} is the root of a cloud of its own",
            "give another directory with --root, or end that cloud: mallee destroy",
        )
    member = membership.read(layout)
    if member is not None:
        unheard = silence.read(layout)
        refused = f", which refuses it: {unheard.why}" if unheard and unheard.status else ""
        raise steps.Failed(
            f"this machine is the host {member.host_id} of the cloud at {member.url}{refused}",
            "mallee up starts it; to have it join that cloud anew: mallee down, and this command "
            "with --again; to join another cloud: mallee destroy",
        )
    return str(layout.root)


def _write_token(layout: Layout, wish: Wish) -> str:
    invitation = wish.invitation
    ca_pem = fetch_authority(invitation)
    owners.ensure_user()
    owners.ensure_directories(layout)
    url = f"https://{invitation.host}:{invitation.port}"
    former = membership.read(layout)
    token: dict[str, object] = {
        "url": url,
        "token": invitation.token,
        "ca_pem": ca_pem,
        "name": wish.name or (former.name if former else ""),
        "address": wish.address,
        "roles": wish.roles,
    }
    if wish.zone:
        token["zone"] = wish.zone
    # What was said of an invitation before is not of this one.
    silence.forget(layout)
    files.write_json(layout.join_token, token)
    membership.forget(layout)
    return f"the cloud at {url} is the one that invited"


def fetch_authority(invitation: Invitation) -> str:
    """Return the authority's certificate, which is the one that the invitation means.

    Raises `steps.Failed`, and where the clocks of both machines differ too much for certificates.
    """
    host = invitation.host.strip("[]")
    address = f"{invitation.host}:{invitation.port}"
    try:
        said = ask(host, invitation.port, _ANSWER_S_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise steps.Failed(
            f"no cloud answers at {address}: {error}",
            "see that its machine listens there (`listen` in its mallee.toml) and nothing is "
            "between",
        ) from error
    if _fingerprint(said.ca_pem) != invitation.fingerprint:
        raise steps.Failed(
            f"whoever answers at {address} is not the cloud that invited",
            "see that the address is right; then have a new invitation printed",
        )
    check_clock(said.date, time.time())
    return said.ca_pem


def ask(host: str, port: int, timeout_s: float) -> Said:
    """Ask whoever answers there as a cloud for its authority; who that is, the caller has to see.

    Raises `OSError` and `http.client.HTTPException`.
    """
    # Nothing is known of the server yet; what it says is held to what the caller knows.
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    asking = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=trusting)
    try:
        asking.request("GET", "/v1/authority")
        answer = asking.getresponse()
        text = answer.read(_ANSWER_BYTES_MAX).decode(errors="replace")
        return Said(text, answer.headers.get("Date", ""))
    finally:
        asking.close()


def check_clock(told: str, now: float) -> None:
    """See that the cloud's clock, as an answer's head tells it, is near this machine's.

    `now` in seconds since the epoch. Raises `steps.Failed`; a cloud that tells nothing is not
    doubted.
    """
    try:
        theirs = email.utils.parsedate_to_datetime(told).timestamp()
    except ValueError:
        return
    if abs(theirs - now) > clock.DIFFER_S:
        own, its = (
            datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") for at in (now, theirs)
        )
        raise steps.Failed(
            f"this machine's clock says {own}, and the cloud's {its}: certificates and signatures "
            "would be refused",
            "set the one that is wrong (apt-get install systemd-timesyncd keeps it right); then "
            "join again with the same invitation, which is not used up",
        )


def _fingerprint(ca_pem: str) -> str:
    return hashlib.sha256(ca_pem.encode()).hexdigest()


def _wait_joined(layout: Layout) -> str:
    log = layout.log / "node.log"
    late = steps.Failed(f"the cloud has not taken this host within {JOINED_S_MAX:g} s", "")
    try:
        steps.wait_until(lambda: _has_joined(layout), JOINED_S_MAX, late)
    except steps.Failed as failure:
        # It may be tried again at once, with another invitation or under another name.
        layout.join_token.unlink(missing_ok=True)
        if failure is not late:
            raise
        unheard = silence.read(layout)
        raise steps.Failed(
            f"{late.cause}{f'; it says: {unheard.why}' if unheard else ''}",
            f"see {log}; then join again, with a new invitation unless this one is not used yet",
        ) from None
    member = membership.read(layout)
    assert member is not None
    untold = steps.Failed(
        f"this machine is the host {member.host_id}, and {member.url} has not told it anything "
        f"within {JOINED_S_MAX:g} s",
        f"mallee status; see {log}",
    )
    steps.wait_until(layout.ledger.exists, JOINED_S_MAX, untold)
    return f"{member.host_id} of {member.url}"


def _has_joined(layout: Layout) -> bool:
    """Tell whether the cloud has taken this host; raise `steps.Failed` where it refuses to."""
    if membership.read(layout) is not None:
        return True
    unheard = silence.read(layout)
    if unheard is None or not unheard.status:
        return False
    cause = f"the cloud refuses this host: {unheard.why}"
    raise steps.Failed(cause, cure_of(unheard.status, "mallee node invite"))


def cure_of(status: int, invite: str) -> str:
    """Return what to do where an invitation is refused with that status of HTTP.

    `invite` is the command by which the cloud's machine prints another one.
    """
    if status == HTTPStatus.FORBIDDEN:
        return f"have the cloud's machine print a new invitation: {invite}"
    return "put that right; then join again with the same invitation, which is not used up"
