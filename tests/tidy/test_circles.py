"""No file imports, by whatever way around, what imports it: late imports and those of types too."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from tests.tidy import source


def _name(path: str) -> str:
    parts = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").split("/")
    return ".".join(parts)


def _imported(tree: ast.Module, known: frozenset[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_no_import_leads_back_to_where_it_began() -> None:
    trees = {_name(one.path): one.tree for one in source.sources("src/mallee/")}
    known = frozenset(trees)
    edges = {name: {*_imported(tree, known)} & known - {name} for name, tree in trees.items()}
    circle: list[str] = []
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as found:
        circle = found.args[1]
    assert not circle, " <- ".join(circle)
