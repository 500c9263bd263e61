"""Rules of others in a host's firewall that would fight ours; pure.

`nft -json list ruleset` and `iptables-legacy-save` are read by `checks.host`. Tables whose name
begins with `mallee` are ours. Rules that drop are not weighed:
whether one means our packets is its owner's to say.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mallee.model.hosts.ailments import Ailment, Code

Entry = Mapping[str, Any]
_Place = tuple[str, str, str]
"""Family, table and name of a chain."""
_HOOKS = frozenset({"forward", "input", "output", "prerouting", "postrouting"})
_STOPS = frozenset({"drop", "reject"})
_SHOWN = 3
_CURES = {
    Code.FIREWALL_DOCKER: "let Docker's own chain accept them: iptables -I DOCKER-USER -j ACCEPT",
    Code.FIREWALL_UFW: "let it lead on what is the cloud's: ufw route allow in on CARD out on "
    "ml-TAG, and the other way; between hosts: ufw allow from ADDRESS",
    Code.FIREWALL_FIREWALLD: "trust the cards between hosts: firewall-cmd --permanent "
    "--zone=trusted --add-interface=CARD && firewall-cmd --reload",
}


def troubles(listed: Sequence[Entry]) -> list[Ailment]:
    """Return which foreign chains stop packets on hooks that ours pass, with cures."""
    chains = [entry["chain"] for entry in listed if "chain" in entry]
    rules: dict[_Place, list[Entry]] = {}
    for one in (entry["rule"] for entry in listed if "rule" in entry):
        rules.setdefault((one["family"], one["table"], one["chain"]), []).append(one)
    found: list[Ailment] = []
    for chain in chains:
        if chain.get("hook") not in _HOOKS or chain["table"].startswith("mallee"):
            continue
        if chain["family"] not in ("ip", "ip6", "inet"):
            continue
        where = f"{chain['family']} {chain['table']} {chain['name']}"
        code = _owner(chain, chains)
        if chain.get("policy") == "drop":
            found.append(
                Ailment(
                    code,
                    f"the chain {where} drops at {chain['hook']} what no rule of it accepts",
                    _CURES.get(code, f"let it accept the cloud's packets: nft list chain {where}"),
                )
            )
        stopping = [one["handle"] for one in _reached(chain, rules) if _stops(one)]
        if stopping:
            numbers = ", ".join(map(str, stopping[:_SHOWN]))
            table = f"nft -a list table {chain['family']} {chain['table']}"
            found.append(
                Ailment(
                    code,
                    f"rules of the chain {where} drop packets at {chain['hook']}: {numbers}",
                    _CURES.get(code, f"see that they do not mean the cloud's: {table}"),
                )
            )
    return found


def _owner(chain: Entry, chains: Sequence[Entry]) -> Code:
    """Tell whose chain it is, by the names that well-known programs give."""
    if chain["table"].startswith("firewalld"):
        return Code.FIREWALL_FIREWALLD
    place = chain["family"], chain["table"]
    beside = [one["name"] for one in chains if (one["family"], one["table"]) == place]
    if any(name.startswith("DOCKER") for name in beside):
        return Code.FIREWALL_DOCKER
    if any(name.startswith(("ufw-", "ufw6-")) for name in beside):
        return Code.FIREWALL_UFW
    return Code.FIREWALL_DROPS


def legacy_troubles(saved: str) -> list[Ailment]:
    """Return what of the text of `iptables-legacy-save` stops packets."""
    found: list[Ailment] = []
    table = ""
    for line in saved.splitlines():
        words = line.split()
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":") and words[1:2] == ["DROP"]:
            found.append(_legacy(table, f"the chain {words[0][1:]} drops what no rule accepts"))
        elif line.startswith("-A") and _LEGACY_STOPS & set(words):
            found.append(_legacy(table, f"a rule of the chain {words[1]} drops packets"))
    return found[:_SHOWN]


_LEGACY_STOPS = frozenset({"DROP", "REJECT"})


def _legacy(table: str, cause: str) -> Ailment:
    return Ailment(
        Code.FIREWALL_LEGACY,
        f"iptables-legacy, table {table}: {cause}",
        f"move such rules to nft, where they are seen, or away: iptables-legacy -t {table} -S",
    )


def _reached(chain: Entry, rules: Mapping[_Place, Sequence[Entry]]) -> Iterable[Entry]:
    """Yield the rules of a chain and of those that it leads to."""
    waiting, seen = [chain["name"]], {chain["name"]}
    while waiting:
        for rule in rules.get((chain["family"], chain["table"], waiting.pop()), ()):
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
