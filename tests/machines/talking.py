"""Words between the world and guests, and between guests: held to be answered, or not."""

import select
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

from tests.wholecloud import Cloud

ANSWERED_S = 120.0
SILENT_S = 2
"""So long a guest waits for an answer that it may not get."""


def pings(cloud: Cloud, id: str, address: str, within_s: int = SILENT_S) -> bool:
    """Whether an address answers a guest's one packet."""
    asked = f"ping -c 1 -W {within_s} {address} >/dev/null 2>&1 && echo yes || echo no"
    return cloud.ssh(id, asked).strip() == "yes"


def hears(cloud: Cloud, id: str, address: str) -> bool:
    """The same of an address that has to answer, however busy the machine is."""
    return pings(cloud, id, address, int(ANSWERED_S))


@contextmanager
def talking(cloud: Cloud, id: str, does: str = "cat") -> Generator["subprocess.Popen[str]"]:
    """One conversation from the world to a guest, which says again what it is told, or does
    something else."""
    cloud.ssh(id, "true")
    line = (
        *("ssh", "-i", str(cloud.key_pair("tests")), "-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
        *("-o", "LogLevel=ERROR", f"root@{cloud.instance(id)['PublicIpAddress']}", does),
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True, bufsize=1) as said:
        try:
            yield said
        finally:
            said.kill()


def answer(said: "subprocess.Popen[str]", word: str) -> None:
    """Have the guest say a word by the conversation that there is."""
    assert said.stdin is not None
    said.stdin.write(f"{word}\n")
    said.stdin.flush()
    assert heard(said) == word


def heard(said: "subprocess.Popen[str]") -> str:
    """Return the next line that the guest says."""
    assert said.stdout is not None
    assert select.select([said.stdout], [], [], ANSWERED_S)[0], "the guest says nothing"
    return said.stdout.readline().strip()
