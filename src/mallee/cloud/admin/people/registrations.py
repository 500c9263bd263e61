"""Registrations: strangers ask for accounts, the cloud's administration approves or rejects them.

Asking tells nothing: the answer is the same whether the name is taken, the address known, or the
wish there already; who decides sees it. A wish reserves nothing, and there are only so many at a
time. Approval sends an invitation (`invitations`); the account is made when it is accepted.
Called through the action table.
"""

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import accounts as makers
from mallee.cloud import mails
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.admin.people import invitations
from mallee.cloud.admin.people.invitations import Guest, RegistrationRecord
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.identity import guessing
from mallee.cloud.state import records
from mallee.kit import secretbox
from mallee.model.identity.invitations import State

REQUESTED_MAX = 1000
"""How many wishes may wait for a decision; further ones are refused until some are decided."""
REQUESTED_MAX_PER_EMAIL = 3
PEER = guessing.Limit(free=50, wait_s=10.0, wait_s_max=900.0)
"""How often one address may ask: nobody alone shall fill the list and keep all others out."""
TOLD_MAX = 20
"""With so many waiting the administrator knows, and strangers could fill his mailbox."""


def request_account(call: WriteCall, request: Request) -> Result:
    """Ask for an account. Nobody needs to be known for that, and nobody learns anything by it."""
    if not call.settings.registration.open:
        raise errors.RegistrationClosed
    waiting = [one for one in _account_wishes(call) if one.doc.state is State.REQUESTED]
    if len(waiting) >= REQUESTED_MAX:
        raise errors.Throttling
    email: str = request["Email"]
    own = [one for one in waiting if one.doc.email.lower() == email.lower()]
    is_there = any(one.doc.account_name == request["AccountName"] for one in own)
    if not is_there and len(own) < REQUESTED_MAX_PER_EMAIL:
        guest = Guest(email, request["AccountName"], request.get("FullName"))
        made = invitations.insert(call, guest)
        made = call.tx.write(made, replace(made.doc, reason=request.get("Reason")))
        if len(waiting) < TOLD_MAX:
            _tell_administrator(call, made)
    return {"State": State.REQUESTED.value}


def _count(call: Call, _request: Request, _box: secretbox.SecretBox) -> None:
    """Count who asks; nothing is to be done beforehand."""
    key = f"request/{guessing.peer_key(call.peer)}"
    call.attempts.begin(call.now, (key, PEER))


def list_registrations(call: Call, request: Request) -> Result:
    """List registrations, of one state when asked, oldest first."""
    state: str | None = request.get("State")
    found = [one for one in _account_wishes(call) if state in (None, one.doc.state.value)]
    by_age = sorted(found, key=lambda one: (one.doc.created_at, one.id))
    return {"Registrations": [invitations.render(call, one) for one in by_age]}


def approve_registration(call: WriteCall, request: Request) -> Result:
    """Invite who asked, under the name that he asked for or another; again: with a new token."""
    record = _named(call, request["RegistrationId"])
    name: str = request.get("AccountName") or record.doc.account_name
    _check_free(call, name)
    renamed = call.tx.write(record, replace(record.doc, account_name=name))
    return invitations.open_and_send(call, renamed, request)


def reject_registration(call: WriteCall, request: Request) -> Result:
    """Refuse a wish, or withdraw an invitation, and write so to whom it concerns."""
    record = _named(call, request["RegistrationId"])
    if record.doc.state is not State.REJECTED:
        reason: str | None = request.get("Reason")
        rejected = replace(
            record.doc, state=State.REJECTED, token_hash=None, decided_at=call.tx.now
        )
        record = call.tx.write(record, rejected)
        mails.send(call, _rejection(call, record, reason))
    return {"Registration": invitations.render(call, record)}


def invite_account(call: WriteCall, request: Request) -> Result:
    """Invite somebody to an account of his own who has not asked."""
    _check_free(call, request["AccountName"])
    guest = Guest(request["Email"], request["AccountName"], request.get("FullName"))
    return invitations.open_and_send(call, invitations.insert(call, guest), request)


def _account_wishes(call: Call) -> list[RegistrationRecord]:
    """Return the registrations that are the administration's: not of users of accounts."""
    return call.view.list(records.REGISTRATION, "")


def _named(call: WriteCall, id: str) -> RegistrationRecord:
    record = call.tx.get(records.REGISTRATION, id)
    if record is None or record.account or record.doc.state is State.ACCEPTED:
        raise errors.NoSuchResource("open registration", id)
    return record


def _check_free(call: WriteCall, name: str) -> None:
    if call.tx.owner_of(makers.NAMES, name) is not None:
        raise errors.EntityAlreadyExists("Account", name)


def _tell_administrator(call: WriteCall, record: RegistrationRecord) -> None:
    doc, to = record.doc, call.settings.mail.administrator
    if not to:
        return
    who = f"{doc.full_name} <{doc.email}>" if doc.full_name else doc.email
    letter = mails.Letter(
        recipient=to,
        subject=f"Request for the account {doc.account_name}",
        paragraphs=(
            f"{who} asks for an account named {doc.account_name}.",
            f"Reason given:\n{_quoted(doc.reason)}" if doc.reason else "No reason was given.",
            f"    mallee registrations approve {doc.id}\n    mallee registrations reject {doc.id}",
            "Nobody has proved to be who he says.",
        ),
    )
    mails.send(call, letter)


def _quoted(text: str) -> str:
    """Return a stranger's words so that no line of them looks like ours."""
    return "\n".join(f"> {line}" for line in text.splitlines())


def _rejection(call: Call, record: RegistrationRecord, reason: str | None) -> mails.Letter:
    doc = record.doc
    return mails.Letter(
        recipient=doc.email,
        subject=f"Your request for an account in the cloud {call.settings.region}",
        paragraphs=(
            f"Hello {doc.full_name}," if doc.full_name else "Hello,",
            f"the account {doc.account_name} in the cloud {call.settings.region} is not given "
            "to you. An invitation that you may have had is good no more.",
            *((f"The reason: {reason}",) if reason else ()),
        ),
    )


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="RequestAccount",
        does=Write(handle=request_account, prepare=_count),
        honours=frozenset({"AccountName", "Email", "FullName", "Reason"}),
        is_unsigned=True,
    ),
    rows.of_administrators("ListRegistrations", Read(handle=list_registrations), "State"),
    rows.of_administrators(
        "ApproveRegistration",
        Write(handle=approve_registration),
        *("RegistrationId", "AccountName", "ValidHours"),
    ),
    rows.of_administrators(
        "RejectRegistration", Write(handle=reject_registration), "RegistrationId", "Reason"
    ),
    rows.of_administrators(
        "InviteAccount",
        Write(handle=invite_account),
        *("AccountName", "Email", "FullName", "ValidHours"),
    ),
)
