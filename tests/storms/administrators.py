"""The administrator of a storm's cloud: takes hosts out of work, and lets them take part again.

What cannot be (maintenance under guests that run, the end of a host that keeps something) is
refused, and nothing comes of it. A host that was retired comes back as a new machine.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from mallee.box import client as api
from mallee.box import owners, steps
from mallee.lab import up as making
from mallee.model.configuration import settings
from mallee.model.hosts.standing import ALL_ROLES, Role
from mallee.node import membership
from tests import wholecloud
from tests.labs import Lab

CONFIRM_S = "20"
_ALL = [role.value for role in ALL_ROLES]
_NO_GATEWAY = [name for name in _ALL if name != Role.GATEWAY.value]


class Administrator:
    """Somebody who may change hosts, by any front end that answers."""

    def __init__(self, lab: Lab, accesses: Sequence[api.Access]) -> None:
        self._lab = lab
        self._accesses = accesses
        self.done: Counter[str] = Counter()
        """How often what came about that may be refused."""

    def take(self, host: str, what: str) -> None:
        """Have a host do less, if that can be."""
        if what == "no gateway":
            self._change(host, Roles=_NO_GATEWAY)
        else:
            self._change(host, Standing=what)

    def give_back(self, host: str) -> bool:
        """Have a host do all; tell whether that was said."""
        return self._change(host, Standing="enabled", Roles=_ALL)

    def retire(self, host: str) -> bool:
        """Have a host be none of the cloud's, if it keeps nothing; tell whether it is none."""
        self._ask("RetireHost", HostId=self._lab.host_id(host))
        is_retired = self.is_retired(host)
        self.done["retired"] += is_retired
        return is_retired

    def is_retired(self, host: str) -> bool:
        """Tell whether the cloud knows the host no more, or not yet; not, when nobody answers."""
        member = membership.read(self._lab.layout(host))
        told = self._ask("DescribeHosts")
        known = None if told is None else {one["HostId"] for one in told["Hosts"]}
        return known is not None and (member is None or member.host_id not in known)

    def wipe(self, host: str) -> None:
        """Take the power of a retired host, and all that is on its disk."""
        lab = self._lab
        lab.power_off(host)
        for path in lab.place.root(host).iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def plug(self, host: str) -> None:
        """Give a machine its power and its cables back; raise `steps.Failed` when it stays off."""
        *plugging, _ = making.power_plan(self._lab.place, self._lab.document, host)
        steps.run(plugging, wholecloud.Silent())

    def join(self, host: str) -> None:
        """Have the machine of a retired host join; raise `steps.Failed` when it cannot."""
        *_, joining = making.power_plan(self._lab.place, self._lab.document, host)
        steps.run((joining,), wholecloud.Silent())
        self.done["joined anew"] += 1

    def rotate(self, action: str) -> None:
        """Have the authority or the master key replaced, if somebody answers."""
        self.done[action] += self._ask(action) is not None

    def change_settings(self, host: str, launch_s: str) -> None:
        """Have a front end's settings say how long a launch may take; it may come to nothing."""
        layout = self._lab.layout(host)
        held = owners.read_settings(layout)
        deadlines = structs.replace(held.deadlines, launch_s=float(launch_s))
        document = self._lab.place.path / f"{host}.toml"
        document.write_text(settings.encode(structs.replace(held, deadlines=deadlines)))
        try:
            self._lab.mallee(host, "config", "apply", str(document), "--confirm", CONFIRM_S)
            self.done["settings changed"] += 1
        except steps.Failed:
            # What is not confirmed is undone.
            self.done["settings kept"] += 1

    def _change(self, host: str, **asked: object) -> bool:
        asked = {"HostId": self._lab.host_id(host), **asked}
        return self._ask("ModifyHost", **asked) is not None

    def _ask(self, action: str, **asked: object) -> dict[str, Any] | None:
        """Ask one front end after the other; None: refused, or nobody answers."""
        for access in self._accesses:
            try:
                return api.call(access, "mallee", action, asked)
            except api.Refused:
                return None
            except api.Unreachable:
                continue
        return None
