"""From the request that changes a security group's rule to the kernel's obeying it.

A guest listens on port 22; connections are tried all the time. Opening counts until the first
connection that succeeds, closing until the first that does not.
"""

import socket
import time

from bench import bare, cloud, report, sealed

TRY_S = 0.02
"""A dropped packet gets no answer: so long a connection may take before it counts as refused. The
guest's own answer takes about a millisecond."""


def measure(runs: int) -> list[report.Finding]:
    """Open and close the port so often."""
    with cloud.running() as running:
        began = time.monotonic()
        address = running.address_of(running.launch())
        bare.wait_banner(address, began)
        closing: list[float] = []
        opening: list[float] = []
        for _ in range(runs):
            closing.append(_change(running, address, "Revoke", is_open_then=False))
            opening.append(_change(running, address, "Authorize", is_open_then=True))
    return [
        report.Finding(
            promise=f"a rule is {word}: request until enforced",
            unit="ms",
            ours=tuple(series),
            bar_max=300,
        )
        for word, series in (("revoked", closing), ("authorized", opening))
    ]


def _change(running: cloud.Cloud, address: str, verb: str, *, is_open_then: bool) -> float:
    rule = {
        "GroupId": running.group_id,
        "IpPermissions.1.IpProtocol": "tcp",
        "IpPermissions.1.FromPort": "22",
        "IpPermissions.1.ToPort": "22",
        "IpPermissions.1.IpRanges.1.CidrIp": "0.0.0.0/0",
    }
    request = running.client.sign(f"{verb}SecurityGroupIngress", rule)
    cloud.wait_until(lambda: _is_open(address) is not is_open_then, "the port is as it was")
    began = time.monotonic()
    running.client.send(request)
    deadline = began + cloud.TIMEOUT_S
    while time.monotonic() < deadline:
        tried_at = time.monotonic()
        # A busy machine may be late for one connection, and hardly for three.
        tries = 1 if is_open_then else 3
        if all(_is_open(address) is is_open_then for _ in range(tries)):
            # What a try finds holds from when it began: a refusal is only known after its wait.
            return (tried_at - began) * 1000
    raise cloud.Late(f"{verb} of port 22 is not enforced")


def _is_open(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=TRY_S):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
