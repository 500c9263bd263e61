"""Asks hosts through the administration service, several at the same time.

A host that cannot be asked is a finding, and the others are asked all the same. Used by `rounds`
and by what it looks at (`trunks`, `publics`, `around`). What answers mean is not its business.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from mallee.box import client, diagnosis
from mallee.box.diagnosis import Answer, Asked
from mallee.model.hosts.ailments import Ailment, Code
from mallee.model.hosts.checks import Finding, Kind

AT_ONCE = 14
"""The cloud takes 16 questions of an account at the same time."""


@dataclass(frozen=True, slots=True)
class Round:
    """One question to several hosts: who answered what, and who did not."""

    hosts: list[Asked]
    answers: Mapping[str, Answer]
    troubles: list[Finding]


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks hosts."""

    access: client.Access
    pool: ThreadPoolExecutor

    def ask(self, hosts: Sequence[Asked], kind: Kind, **more: Any) -> Round:
        """Ask the same of all."""
        return self.ask_each(dict.fromkeys(hosts, (kind, more)))

    def ask_each(self, questions: Mapping[Asked, tuple[Kind, dict[str, Any]]]) -> Round:
        """Ask each its own."""
        begun = {host: self._begin(host, kind, more) for host, (kind, more) in questions.items()}
        answers: dict[str, Answer] = {}
        troubles: list[Finding] = []
        for host, one in begun.items():
            try:
                answers[host.id] = one.result()
            except (client.Refused, client.Unreachable) as error:
                cure = f"on {host.name}: mallee logs node"
                unasked = Ailment(Code.HOST_UNASKED, str(error), cure)
                kind = questions[host][0]
                troubles.append(diagnosis.trouble(f"{host.name}: {kind.value}", unasked))
        return Round([host for host in begun if host.id in answers], answers, troubles)

    def _begin(self, host: Asked, kind: Kind, more: dict[str, Any]) -> Future[dict[str, Any]]:
        asked = {"HostId": host.id, "Kind": kind.value, **more}
        return self.pool.submit(client.call, self.access, "mallee", "CheckHost", asked)

    def fix(self, host: Asked, codes: Sequence[str]) -> frozenset[str]:
        """Have a host put right what it can; return the codes of what is wrong there afterwards.

        Raises `client.Refused` and `client.Unreachable`.
        """
        told = {"HostId": host.id, "Codes": list(codes)}
        answer = client.call(self.access, "mallee", "FixHost", told)
        return frozenset(one["Code"] for one in answer["Findings"] if one.get("Code"))
