"""Lines of flow logs as hosts bring them: kept, durably, until S3 has put them into buckets.

A host brings lines of those logs that it was told of, lately at least: when the last interface of a
log leaves a host, its last lines are still to come. What lines say is the host's word, as they were
packed. Called by `door`; delivering is `cloud.s3.logs.flowdelivery`'s.
"""

import contextlib
import errno
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from mallee.cloud.hosts import refusals
from mallee.kit import files
from mallee.model.hosts.hosts import HostWanted
from mallee.model.network import flowlogs
from mallee.model.network.flowlogs import Parcel

BYTES_MAX = 1 << 30
"""Of everything that waits; more is left at the hosts."""
LOG_BYTES_MAX = BYTES_MAX // 16
"""Of one log: of one that nobody lets into its bucket the rest is lost, and of no other."""
HOST_BYTES_MAX = BYTES_MAX // 4
"""Of what one host has brought."""
FILE_BYTES = 4096
"""What a file takes at least, however short its lines are."""
_HOST_ID = re.compile(r"host-[0-9a-f]{17}")
TOLD_S = 3600.0
"""So long after it was told of a log a host may bring its lines."""


@dataclass(slots=True)
class Inbox:
    """The directory of what waits. `check` belongs to the event loop's thread, `keep` to others."""

    path: Path
    _told: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """By host and log: when the host was last known to be told of it."""
    _forgets_at: float = 0.0

    def check(self, wanted: HostWanted, host_id: str, name: str, now: float) -> Parcel:
        """Return what a file is; raise `refusals.Refused` unless the host may bring it."""
        self._forget(now)
        for vpc in wanted.vpcs:
            for log in vpc.flow_logs:
                self._told[host_id, log.id] = now
        parcel = flowlogs.parse_parcel(name)
        if parcel is None:
            raise refusals.Refused(400, "this is no name of lines of a flow log")
        if self._told.get((host_id, parcel.log_id), -math.inf) < now - TOLD_S:
            raise refusals.Refused(403, f"host {host_id} has nothing of {parcel.log_id}")
        return parcel

    def keep(self, host_id: str, parcel: Parcel, lines: bytes) -> None:
        """Keep lines; brought twice they are kept once. Raises `Refused` without room: what is
        only one log's fault its host forgets, or all others there would wait behind it."""
        try:
            self.path.mkdir(exist_ok=True, mode=0o700)
            self._check_room(host_id, parcel, lines)
            # Tokens of one host are its own: nobody writes over another's.
            files.write_atomically(self.path / f"{host_id}~{parcel.name}", lines)
        except OSError as error:
            raise refusals.Refused(503, errno.errorcode.get(error.errno or 0, "EIO")) from error

    def _check_room(self, host_id: str, parcel: Parcel, lines: bytes) -> None:
        held = self._sizes()
        new = _taken(len(lines))
        of_log = sum(size for name, size in held.items() if f"~{parcel.log_id}." in name)
        if of_log + new > LOG_BYTES_MAX:
            raise refusals.Refused(413, f"too many lines of {parcel.log_id} wait for delivery")
        of_host = sum(size for name, size in held.items() if name.startswith(f"{host_id}~"))
        if of_host + new > HOST_BYTES_MAX or sum(held.values()) + new > BYTES_MAX:
            raise refusals.Refused(503, "too many lines of flow logs wait for delivery")

    def _sizes(self) -> dict[str, int]:
        """Return what the files take, by name."""
        held: dict[str, int] = {}
        for one in self.path.iterdir():
            # Meanwhile it may be delivered, or have got its name.
            with contextlib.suppress(FileNotFoundError):
                held[one.name] = _taken(one.stat().st_size)
        return held

    def _forget(self, now: float) -> None:
        """Forget, now and then, who was told of a log too long ago."""
        if now >= self._forgets_at:
            self._forgets_at = now + TOLD_S
            self._told = {key: at for key, at in self._told.items() if at >= now - TOLD_S}


def parse_brought(name: str) -> tuple[str, Parcel]:
    """Return whose a file is that another inbox kept, and what it is; raise `refusals.Refused`."""
    host_id, _, rest = name.rpartition("~")
    parcel = flowlogs.parse_parcel(rest)
    if parcel is None or not _HOST_ID.fullmatch(host_id):
        raise refusals.Refused(400, "this is no name of lines of a flow log")
    return host_id, parcel


def _taken(size: int) -> int:
    return max(size, FILE_BYTES)
