"""Rulesets of nftables as values, the text that loads one whole, and the text that changes one.

A *block* is a set, a map or a chain by name; a table is its blocks. Both texts are one transaction
for `nft -f`: no packet meets half of one. `change` names only what differs, so that what a change
costs follows from the change and not from the ruleset; it may be used only where the kernel is
known to hold `before`. What the blocks say is `firewall`'s business and that of those it asks;
loading is `do/firewall`'s. Pure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Set:
    """A set or map with its elements as text; those of a map are `key : value`."""

    name: str
    form: str
    """What stands before the elements: `type …` or `typeof …`."""
    elements: frozenset[str] = frozenset()
    is_map: bool = False
    flags: str = ""

    @property
    def is_ranges(self) -> bool:
        """Whether elements are ranges: these are exchanged together, as they border each other."""
        return "interval" in self.flags

    @property
    def head(self) -> str:
        """The first line of the block."""
        return f"{'map' if self.is_map else 'set'} {self.name}"


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain with its rules; `hook` makes it one that packets come to by themselves."""

    name: str
    rules: tuple[str, ...] = ()
    hook: str = ""
    """`type … hook … priority …; policy …;`"""

    @property
    def head(self) -> str:
        """The first line of the block."""
        return f"chain {self.name}"


Block = Set | Chain


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its blocks, in the order in which they are written."""

    family: str
    name: str
    blocks: tuple[Block, ...]


Ruleset = tuple[Table, ...]


def set_of(name: str, form: str, elements: Iterable[str] = (), flags: str = "") -> Set:
    """A set of a `type` with these elements."""
    return Set(name, f"type {form}", frozenset(elements), flags=flags)


def map_of(name: str, form: str, elements: Iterable[str] = ()) -> Set:
    """A map of a `type` (`ifname : verdict`) with these elements (`key : value`)."""
    return Set(name, f"type {form}", frozenset(elements), is_map=True)


def base(name: str, hook: str, policy: str, rules: Iterable[str]) -> Chain:
    """A chain that packets come to by themselves; `policy` is for those that reach its end."""
    return Chain(name, tuple(rules), f"type {hook}; policy {policy};")


def text(ruleset: Ruleset) -> str:
    """The transaction that replaces the tables, whatever stands there."""
    return "".join(_table_text(table) for table in ruleset)


def change(before: Ruleset, after: Ruleset) -> str:
    """The transaction that turns the one into the other; empty when they are equal."""
    if [(one.family, one.name) for one in before] != [(one.family, one.name) for one in after]:
        return text(after)
    pairs = zip(before, after, strict=True)
    return "".join(_table_change(old, new) for old, new in pairs if old != new)


def _table_text(table: Table) -> str:
    # Named before it is deleted, so that deleting it cannot fail.
    where = f"{table.family} {table.name}"
    blocks = "\n".join(_block_text(block) for block in table.blocks)
    return f"table {where}\ndelete table {where}\ntable {where} {{\n{blocks}}}\n"


def _table_change(before: Table, after: Table) -> str:
    olds = {block.head: block for block in before.blocks}
    news = {block.head: block for block in after.blocks}
    if any(_is_remade(olds[head], news[head]) for head in olds.keys() & news.keys()):
        return _table_text(after)
    where = f"{after.family} {after.name}"
    changed = [(olds.get(head), new) for head, new in news.items() if olds.get(head) != new]
    gone = [old for head, old in olds.items() if head not in news]
    lines = [line for old, new in changed if old for line in _emptying(where, old, new)]
    lines += [f"flush chain {where} {one.name}" for one in gone if isinstance(one, Chain)]
    lines += [
        f"flush map {where} {one.name}" for one in gone if isinstance(one, Set) and one.is_map
    ]
    blocks = "\n".join(_block_text(_added(old, new)) for old, new in changed)
    lines.append(f"table {where} {{\n{blocks}}}")
    lines += [f"delete {_kind(one)} {where} {one.name}" for one in _users_first(gone)]
    return "\n".join(lines) + "\n"


def _users_first(gone: list[Block]) -> Iterator[Block]:
    """Maps lead to chains, chains look into sets: so they go in this order."""
    yield from (one for one in gone if isinstance(one, Set) and one.is_map)
    yield from (one for one in gone if isinstance(one, Chain))
    yield from (one for one in gone if isinstance(one, Set) and not one.is_map)


def _is_remade(old: Block, new: Block) -> bool:
    """Whether a block becomes another kind of thing, which no change of its content can do."""
    if isinstance(old, Chain) and isinstance(new, Chain):
        return old.hook != new.hook
    if isinstance(old, Set) and isinstance(new, Set):
        return (old.form, old.flags) != (new.form, new.flags)
    return True


def _emptying(where: str, old: Block, new: Block) -> Iterator[str]:
    """The lines that take out of a block what is not in its new content."""
    if isinstance(old, Chain) or not isinstance(new, Set):
        yield f"flush chain {where} {old.name}"
    elif old.is_ranges:
        yield f"flush {_kind(old)} {where} {old.name}"
    elif left := sorted(old.elements - new.elements):
        keys = ", ".join(element.split(" : ")[0] for element in left)
        yield f"delete element {where} {old.name} {{ {keys} }}"


def _added(old: Block | None, new: Block) -> Block:
    """What has to be written of a block: a set's new elements, all else whole."""
    if not isinstance(new, Set) or not isinstance(old, Set) or new.is_ranges:
        return new
    return Set(new.name, new.form, new.elements - old.elements, new.is_map, new.flags)


def _kind(block: Block) -> str:
    return block.head.split(" ", 1)[0]


def _block_text(block: Block) -> str:
    if isinstance(block, Chain):
        lines = [block.hook, *block.rules] if block.hook else list(block.rules)
        return f"    {block.head} {{\n" + "".join(f"        {one}\n" for one in lines) + "    }\n"
    body = ",\n".join(f"            {element}" for element in sorted(block.elements))
    held = f"        elements = {{\n{body}\n        }}\n" if body else ""
    flags = f"        flags {block.flags}\n" if block.flags else ""
    return f"    {block.head} {{\n        {block.form}\n{flags}{held}    }}\n"
