"""What this process last set in one namespace, to tell its own changes from others', and to change
only what differs.

Called by `network`, always inside the namespace (`namespaces.run_inside`). What is to stand there
comes from the plans.
"""

from dataclasses import dataclass, field

from mallee.kit import process
from mallee.node.do.network import firewall, links, shaping
from mallee.node.plan.network import nft
from mallee.node.plan.network import shaping as shaping_plan
from mallee.node.plan.network.links import Seen, Wiring

TRIES = 3
"""So often links and routes are set while others go by themselves."""


@dataclass(slots=True)
class Standing:
    """A namespace as it was set last."""

    name: str
    rules: nft.Ruleset = ()
    text: str = ""
    """What was loaded where a text counts and not a ruleset (on the host)."""
    generation: int = -1
    wiring: Wiring | None = None
    shaping: shaping_plan.Shaping = field(default_factory=shaping_plan.Shaping)
    has_news: bool = True
    """Whether anything was seen to have changed since the buckets were looked at."""
    watch: links.Watch | None = None
    seen: Seen = field(default_factory=Seen)

    def look(self) -> Seen:
        """Return what stands here."""
        if self.watch is None:
            self.watch = links.Watch()
        elif not self.watch.has_changed():
            return self.seen
        self.seen, self.has_news = links.fetch(), True
        return self.seen

    def load(self, ruleset: nft.Ruleset) -> list[str]:
        """Load the ruleset: what differs, or everything when others have changed anything.

        Returns sentences about what had been changed.
        """
        was_set = self.generation >= 0
        is_intact = was_set and firewall.fetch_generation() == self.generation
        text = nft.change(self.rules, ruleset) if is_intact else nft.text(ruleset)
        if text:
            # Unless it succeeds, nobody knows what stands: the next time everything is loaded.
            self.generation = -1
            self.generation = firewall.apply(text)
            self.rules = ruleset
        if was_set and not is_intact:
            return [f"the firewall of {self.name} had been changed by others; it is set again"]
        return []

    def wire(self, wiring: Wiring) -> list[str]:
        """Make the wiring stand; return sentences about what had been changed."""
        was_changed = self._close_difference(wiring) and self.wiring == wiring
        self.wiring = wiring
        if was_changed:
            return [f"links or routes of {self.name} had been changed; right again"]
        return []

    def _close_difference(self, wiring: Wiring) -> bool:
        """Tell whether anything was missing. A link goes when the namespace at its other end does,
        some time after that was removed, and so between a look and what was to be done of it."""
        for _ in range(TRIES - 1):
            try:
                return links.apply(wiring, self.seen)
            except process.Failed:
                self.seen = links.fetch()
        return links.apply(wiring, self.seen)

    def shape(self, wanted: shaping_plan.Shaping, asides: dict[str, str]) -> None:
        """Make the buckets stand; where there are none and were none, nothing is looked at.

        Raises `process.Failed` where the kernel cannot.
        """
        is_same = wanted == self.shaping and not self.has_news
        if not is_same and (wanted != shaping_plan.Shaping() or wanted != self.shaping):
            shaping.apply(wanted, asides)
        self.shaping, self.has_news = wanted, False

    def excuse(self) -> None:
        """Know of a transaction that this process made besides `load`, and took back."""
        if self.generation >= 0:
            self.generation += 1

    def close(self) -> None:
        """Look no more."""
        if self.watch is not None:
            self.watch.close()
