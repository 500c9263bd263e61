"""Looks whether this machine and its cloud are well, and says of each trouble its cause and cure.

`mallee doctor` shows all findings, and puts right what `fixes` knows. Not its business: what is
looked at here (`ownchecks`), and what is between hosts (`rounds`).
"""

from collections.abc import Iterable

from mallee.box import (
    client,
    nodejoin,
    ownchecks,
    owners,
    rounds,
    steps,
    up,
)
from mallee.box.ownchecks import Check, Patient
from mallee.kit import pki, process
from mallee.model.configuration import settings
from mallee.model.hosts.ailments import Ailment, Code
from mallee.model.hosts.checks import Finding
from mallee.model.layout import Layout
from mallee.node import membership
from mallee.node.checks import host as hostchecks
from mallee.node.checks import mending
from mallee.node.checks.troubles import Trouble


def examine(layout: Layout, wish: rounds.Wish | None = None) -> list[Finding]:
    """Do all checks, in the order in which one would put things right.

    With a wish, the cloud's hosts are asked too, when it runs here; else this machine is looked at
    as a host, if it is one.
    """
    try:
        held = owners.read_settings(layout)
    except steps.Failed as failed:
        unread = Ailment(Code.SETTINGS_UNREADABLE, failed.cause, failed.cure)
        return [_trouble("settings", unread, text="cannot be read")]
    try:
        access = client.read_access(layout, held)
    except (client.Unreachable, PermissionError):
        access = None
    patient = ownchecks.Patient(layout, held, access)
    checks = ownchecks.OF_A_NODE if membership.is_node(layout) else ownchecks.ALL
    found = [judge(one, patient) for one in checks]
    if wish is None or access is None:
        return [*found, *hostchecks.examine(layout)] if layout.root.exists() else found
    return [*found, *_ask_hosts(access, held, wish)]


def _ask_hosts(access: client.Access, held: settings.Settings, wish: rounds.Wish) -> list[Finding]:
    try:
        return rounds.examine(access, held.network, wish)
    except (client.Refused, client.Unreachable) as error:
        unasked = Ailment(Code.HOST_UNASKED, str(error), "mallee logs cloud")
        return [_trouble("hosts", unasked, text="cannot be asked")]


def fixes(
    layout: Layout, findings: Iterable[Finding], wish: rounds.Wish | None = None
) -> tuple[steps.Step, ...]:
    """Return the steps that put right what can be put right without harm, with a wish on all hosts
    of the cloud: each of them does what its agent knows to be safe."""
    ill = [one for one in findings if not one.ok]
    wrong = {one.subject for one in ill}
    todo: list[steps.Step] = []
    if "loop devices" in wrong:
        todo.append(steps.Step("Load the loop driver", lambda say: _load_loops()))
    if "directories" in wrong:
        todo.append(steps.Step("Put the directories right", lambda say: _own(layout)))
    if "daemons" in wrong:
        is_node = membership.is_node(layout)
        todo += nodejoin.start_plan(layout) if is_node else up.plan(layout)
    if wish is not None and any(one.code in mending.CODES for one in ill):
        name = "Have hosts put right what is safe"
        todo.append(steps.Step(name, lambda say: _mend_hosts(layout, wish.zone, say)))
    return tuple(todo)


def _mend_hosts(layout: Layout, zone: str, say: rounds.Say) -> str:
    """Ask the hosts, also when the cloud was started a moment ago."""
    try:
        access = client.read_access(layout, owners.read_settings(layout))
        return rounds.fix(access, zone, say)
    except (client.Refused, client.Unreachable) as error:
        raise steps.Failed(str(error), "mallee logs cloud") from error


def _load_loops() -> str:
    process.run(("modprobe", "loop"))
    return "loaded"


def _own(layout: Layout) -> str:
    owners.ensure_directories(layout)
    return f"those below {layout.root} are as they should be"


def judge(one: Check, patient: Patient) -> Finding:
    """Do one check of this machine, and say what came of it."""
    try:
        return Finding(subject=one.subject, ok=True, text=one.look(patient))
    except steps.Failed as failed:
        return _trouble(one.subject, Ailment(one.code, failed.cause, failed.cure))
    except Trouble as trouble:
        return _trouble(one.subject, trouble.ailments[0])
    except client.Unreachable as silent:
        ailment = Ailment(Code.DAEMON_DOWN, str(silent), "mallee up")
        return _trouble(one.subject, ailment, text="the cloud does not answer")
    except (client.Refused, process.Failed, process.TimedOut, pki.BadCertificate, OSError) as error:
        ailment = Ailment(Code.CANNOT_LOOK, str(error), "run it as root")
        return _trouble(one.subject, ailment, text="cannot be looked at")


def _trouble(subject: str, one: Ailment, text: str = "not well") -> Finding:
    return Finding(
        subject=subject, ok=False, text=text, code=one.code.value, cause=one.cause, cure=one.cure
    )
