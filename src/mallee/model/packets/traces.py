"""What a host tells of a packet's way through it: the documents of the question `trace`.

The cloud asks with a `TraceAsk`, the agent answers with a `HostTrace`, both as JSON. Names of
devices, rules and counters are the host's own; who may be told them is the cloud's to decide.
"""

import msgspec

ASK_TRACE = "trace"
"""The kind of the question: `hosts.Ask.detail` is a `TraceAsk`; it names no instance."""


class TraceAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Which packet's way is asked for."""

    interface_id: str
    """Whose guest sends it."""
    source: str
    destination: str
    """Addresses."""
    protocol: int
    port: int = 0
    is_probe: bool = False
    """Whether such a packet shall be sent, and watched."""
    place: tuple[str, str] | None = None
    """Where it comes from another host: its VPC, and its sender's subnet (empty: beyond the VPC);
    then no interface of this host sends it."""


class TraceStep(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on the way, as the host carries it."""

    about: str = ""
    """Id of what of the cloud's it is."""
    kind: str
    """`device`, `rule`, `route`, `translation`."""
    namespace: str = ""
    name: str = ""
    """Of the device, or the chain."""
    text: str = ""
    """The rule or route as the kernel shows it."""
    packets: int | None = None
    octets: int | None = None
    """Counted at that moment; None: nothing counts there."""


class ProbeStep(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a probe at one place."""

    kind: str
    """`device` where it was seen to pass, `rule` where the firewall judged it."""
    namespace: str
    name: str
    """Of the device, or the chain."""
    about: str = ""
    text: str = ""
    """The rule; empty: the chain's policy."""
    verdict: str
    """`in`, `out`, `accept`, `drop`, `continue`, `jump CHAIN` …"""
    is_answer: bool = False


class ProbeTold(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a probe."""

    end: str
    """`arrived`, `dropped`, `left`, `lost`."""
    at: str = ""
    """Id of the interface that received it, or of whose rule dropped it."""
    why: str = ""
    is_answered: bool = False
    """Whether an answer came back to the sender."""
    answer: str = ""
    """What the answer was, or where it died."""
    steps: tuple[ProbeStep, ...] = ()


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """A packet that goes on to another host."""

    host_id: str
    vpc_id: str
    subnet_id: str
    """Its sender's; empty: it comes from beyond the VPC."""
    source: str
    destination: str
    """Its addresses as it goes on."""


class HostTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A packet's way through a host."""

    end: str
    at: str
    """As the reference evaluator finds them by what this host was told."""
    steps: tuple[TraceStep, ...] = ()
    probe: ProbeTold | None = None
    crossing: Crossing | None = None
    """None: its way ends here."""
    notes: tuple[str, ...] = ()
    """What this host cannot tell, and why."""
