"""A second machine for a cloud of tests: the host of a lab, joined to the cloud by
`mallee node join`. The cloud's machine is the test's own network namespace, at the lab's switch."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from msgspec import structs

from mallee.box import owners
from mallee.kit import process
from mallee.lab import document
from mallee.model.configuration.settings import Network
from mallee.model.layout import Layout
from tests import labs, wholecloud
from tests.labs import Lab
from tests.wholecloud import Cloud

SETTINGS = structs.replace(
    wholecloud.SETTINGS,
    listen="0.0.0.0",
    network=Network("192.0.2.0/24", "172.30.0.0/16", egress=False),
)
"""Of a cloud that others can join, beside those that the tests of a worker share: the one of all
guests, and the one of bad days. No two have a range in common."""

HOST = "second"
_HERE = "first"


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that is a lab's host, and so has process ids and names of its own."""

    lab: Lab

    @property
    def layout(self) -> Layout:
        """Where its Mallee lies."""
        return self.lab.layout(HOST)

    @property
    def near(self) -> str:
        """The address of the cloud's machine on the switch between both."""
        return self.lab.address(_HERE)

    def mallee(self, *words: str) -> str:
        """Run the command there as root; return what it said. Raises `steps.Failed`."""
        return self.lab.mallee(HOST, *words)

    @property
    def host_id(self) -> str:
        """Its id as a host of the cloud, once it has joined."""
        return self.lab.host_id(HOST)

    def cut_cable(self, *, is_cut: bool = True) -> None:
        """Take the cable out, or put it in again."""
        self.lab.cut(f"{HOST}.eth0", labs.CUT if is_cut else document.GOOD)


@contextmanager
def machine() -> Generator[Machine]:
    """A machine that has joined no cloud; gone at the end with all that is on it."""
    first, second, third = os.urandom(3)
    # One test may have several, all at ends of links of its own namespace.
    range = f"198.{18 + first % 2}.{second}.{third // 8 * 8}/29"
    switch = f'[switches.lan]\nrange = "{range}"\n'
    hosts = f'[hosts.{_HERE}]\nrole = "here"\n[hosts.{HOST}]\nrole = "bare"\n'
    with labs.made(switch + hosts) as lab:
        made = Machine(lab)
        owners.ensure_user()
        owners.ensure_directories(made.layout)
        wholecloud.spare(made.layout)
        yield made


@contextmanager
def joined(cloud: Cloud) -> Generator[Machine]:
    """A machine that is a host of the cloud, which listens everywhere (`SETTINGS`)."""
    with machine() as made:
        line = (*labs.MALLEE, "node", "invite", "--bare")
        where = ("--address", made.near, "--root", str(cloud.layout.root))
        invitation = process.run((*line, *where)).text.strip()
        made.mallee("node", "join", invitation, "--name", HOST)
        wholecloud.wait_until(lambda: made.host_id in _up(cloud), wholecloud.GUEST_S, "it to be up")
        yield made


def _up(cloud: Cloud) -> set[str]:
    return {host["HostId"] for host in cloud.hosts() if host["State"] == "ENABLED"}
