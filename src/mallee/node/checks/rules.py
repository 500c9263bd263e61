"""Rules of others in a host's firewall that would fight ours; pure.

`nft -json list ruleset` is read by `checks.host`. Tables whose name begins with `mallee` are ours.
Rules that drop are not weighed: whether one means our packets is its owner's to say.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
_HOOKS = frozenset({"forward", "input", "output", "prerouting", "postrouting"})
_STOPS = frozenset({"drop", "reject"})
_SHOWN = 3


def troubles(listed: Sequence[Entry]) -> list[tuple[str, str]]:
    """Return which foreign chains stop packets on hooks that ours pass, with cures."""
    chains = [entry["chain"] for entry in listed if "chain" in entry]
    rules = [entry["rule"] for entry in listed if "rule" in entry]
    found: list[tuple[str, str]] = []
    for chain in chains:
        if chain.get("hook") not in _HOOKS or chain["table"].startswith("mallee"):
            continue
        if chain["family"] not in ("ip", "ip6", "inet"):
            continue
        where = f"{chain['family']} {chain['table']} {chain['name']}"
        if chain.get("policy") == "drop":
            found.append(
                (
                    f"the chain {where} drops at {chain['hook']} what no rule of it accepts",
                    f"let it accept the cloud's packets: nft list chain {where}",
                )
            )
        stopping = [one["handle"] for one in _reached(chain, chains, rules) if _stops(one)]
        if stopping:
            numbers = ", ".join(map(str, stopping[:_SHOWN]))
            found.append(
                (
                    f"rules of the chain {where} drop packets at {chain['hook']}: {numbers}",
                    f"see that they do not mean the cloud's: nft -a list table {chain['family']} "
                    f"{chain['table']}",
                )
            )
    return found


def _reached(chain: Entry, chains: Sequence[Entry], rules: Sequence[Entry]) -> Iterable[Entry]:
    """Yield the rules of a chain and of those that it leads to."""
    waiting, seen = [chain["name"]], {chain["name"]}
    place = chain["family"], chain["table"]
    while waiting:
        name = waiting.pop()
        for rule in rules:
            if (rule["family"], rule["table"]) != place or rule["chain"] != name:
                continue
            yield rule
            for step in rule.get("expr", ()):
                target = _target(step)
                if target and target not in seen:
                    seen.add(target)
                    waiting.append(target)


def _target(step: Entry) -> str:
    for word in ("jump", "goto"):
        if word in step:
            return step[word]["target"]
    return ""


def _stops(rule: Entry) -> bool:
    return any(_STOPS & step.keys() for step in rule.get("expr", ()))
