"""`mallee doctor`: checks of this machine, this cloud and its hosts, each finding with its cure."""

import os
from collections.abc import Iterable, Sequence

import msgspec

from mallee.box import client as cloud
from mallee.box import doctor as examination
from mallee.box import rounds, steps
from mallee.cli import progress, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.hosts.checks import Finding
from mallee.model.layout import Layout


def doctor(
    *,
    zone: str = "",
    vlan: tuple[int, ...] = (),
    here: bool = False,
    outside: bool = False,
    fix: bool = False,
    json: bool = False,
    root: Root = DEFAULT,
) -> None:
    """Check this machine, this cloud and its hosts. Exit status 1 when something is wrong.

    Parameters
    ----------
    zone
        Ask the hosts of this availability zone alone.
    vlan
        See whether frames with this tag pass between all hosts; may be given several times.
    here
        Look at this machine alone.
    outside
        On a machine outside the cloud: see whether its public addresses lead to it and back. Needs
        root, and the administrator's key as AWS tools do: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
        AWS_SECRET_ACCESS_KEY.
    fix
        Put right what can be put right without harm, on hosts what their agents know to be safe,
        and look again.
    json
        Give the findings as a list of JSON, each with its code.
    """
    if outside:
        _tell(_see_from_outside(zone), json=json)
        return
    layout = Layout(root)
    wish = None if here else rounds.Wish(zone, vlan)
    findings = examination.examine(layout, wish)
    todo = examination.fixes(layout, findings, wish) if fix else ()
    if todo:
        progress.run(todo)
        findings = examination.examine(layout, wish)
    _tell(findings, json=json)


def _see_from_outside(zone: str) -> list[Finding]:
    named = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    endpoint, key, secret = (os.environ.get(name, "") for name in named)
    if not (endpoint and key and secret):
        raise steps.Failed(
            f"{', '.join(named)} say who asks which cloud, and are not all set",
            "on the cloud's machine: mallee credentials env; put in an address that is reached",
        )
    access = cloud.Access(
        endpoint=endpoint,
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        account_id="",
        access_key_id=key,
        secret_access_key=secret,
    )
    try:
        return rounds.examine_from_outside(access, zone)
    except (cloud.Refused, cloud.Unreachable) as error:
        raise steps.Failed(str(error), "see the endpoint and the key") from error
    except PermissionError as error:
        raise steps.Failed("only root may send echoes of its own", "run this with sudo") from error


def _tell(findings: Sequence[Finding], *, json: bool) -> None:
    """Show findings; raise `steps.Failed` when something is wrong."""
    if json:
        words.give(msgspec.json.format(msgspec.json.encode(findings)).decode())
    else:
        _show(findings)
    if not all(finding.ok for finding in findings):
        raise steps.Failed("something is wrong with this machine or this cloud", "see above")


def _show(findings: Iterable[Finding]) -> None:
    for finding in findings:
        mark = "[green]ok[/]     " if finding.ok else "[bold red]wrong[/]  "
        words.out().print(f"{mark}{words.plain(finding.subject)}: {words.plain(finding.text)}")
        if not finding.ok:
            words.out().print(f"         cause: {words.plain(finding.cause)} ({finding.code})")
            words.out().print(f"         cure:  {words.plain(finding.cure)}")
