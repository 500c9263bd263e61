"""This machine's clock, held to what can be known of the right time without asking the world: its
own certificates, which nobody made in the future, and the cloud that it is a host of.

`ownchecks` looks by it, for `mallee doctor`. Not its business: the hosts' clocks as the cloud sees
them (`diagnosis.clocks`), and those of machines that are about to join (`nodejoin`).
"""

import email.utils
import http.client
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from mallee.box import diagnosis, nodejoin, steps
from mallee.kit import clock, pki
from mallee.model.hosts.ailments import Code
from mallee.model.layout import Layout
from mallee.node import membership
from mallee.node.checks import troubles

_ANSWER_S_MAX = 10.0
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_CURE = "set the clock, or start a time service: apt-get install systemd-timesyncd"


def check_certificates(layout: Layout, now: float) -> None:
    """See that no certificate of this machine is yet to begin; raise `steps.Failed`.

    `now` in seconds since the epoch. Raises `pki.BadCertificate` for one that cannot be read.
    """
    for path in _certificates(layout):
        text = path.read_bytes()
        begins_at = pki.read_certificate(text[text.find(_BEGIN) :]).begins_at
        if now < begins_at:
            raise steps.Failed(
                f"this machine's clock says {_shown(now)}, and its own certificate {path} begins "
                f"at {_shown(begins_at)}: the cloud and its hosts refuse one another",
                _CURE,
            )


def check_cloud(layout: Layout, own: clock.Clock) -> None:
    """See that a host's clock is near that of its cloud; raise `troubles.Trouble`.

    A cloud that does not answer is not doubted: that it is silent is told elsewhere. Whoever
    answers is believed, for a clock that is wrong knows no certificate from another.
    """
    member = membership.read(layout)
    if member is None or not membership.is_node(layout):
        return
    address = urlsplit(member.url)
    asked_at = own.now()
    try:
        said = nodejoin.ask(address.hostname or "", address.port or 443, _ANSWER_S_MAX)
        theirs = email.utils.parsedate_to_datetime(said.date).timestamp()
    except (OSError, ValueError, http.client.HTTPException):
        return
    # The answer was made at some time in between, however long it took.
    answered_at = own.now()
    ahead_s, behind_s = asked_at - theirs, theirs - answered_at
    if max(ahead_s, behind_s) > diagnosis.SKEW_S_MAX:
        differs = f"{ahead_s:.0f} s ahead of" if ahead_s > 0 else f"{behind_s:.0f} s behind"
        troubles.tell(
            Code.CLOCK_SKEW,
            f"this machine's clock says {_shown(answered_at)}: {differs} the cloud's",
            "let both machines ask the same time service: apt-get install systemd-timesyncd",
        )


def _certificates(layout: Layout) -> Iterator[Path]:
    own = [layout.cloud_pki / f"{name}.pem" for name in ("authority", "server")]
    yield from (path for path in (*own, layout.host_certificate) if path.exists())


def _shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
