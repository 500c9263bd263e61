"""The administrator of a storm's cloud: takes hosts out of work, and lets them take part again.

What cannot be (maintenance under guests that run, the end of a host that keeps something) is
refused, and nothing comes of it. A host that was retired comes back as a new machine.
"""

import shutil
from collections.abc import Sequence
from typing import Any

from mallee.box import client as api
from mallee.box import steps
from mallee.lab import up as making
from mallee.model.hosts.standing import ALL_ROLES, Role
from tests import wholecloud
from tests.labs import Lab

_ALL = [role.value for role in ALL_ROLES]
_NO_GATEWAY = [name for name in _ALL if name != Role.GATEWAY.value]


class Administrator:
    """Somebody who may change hosts, by any front end that answers."""

    def __init__(self, lab: Lab, accesses: Sequence[api.Access]) -> None:
        self._lab = lab
        self._accesses = accesses

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
        return self.is_retired(host)

    def is_retired(self, host: str) -> bool:
        """Tell whether the cloud knows the host no more; not, when nobody answers."""
        told = self._ask("DescribeHosts")
        known = None if told is None else {one["HostId"] for one in told["Hosts"]}
        return known is not None and self._lab.host_id(host) not in known

    def bring_anew(self, host: str) -> None:
        """Have the machine of a retired host join with nothing on its disk."""
        lab = self._lab
        lab.power_off(host)
        for path in lab.place.root(host).iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        steps.run(making.power_plan(lab.place, lab.document, host), wholecloud.Silent())

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
