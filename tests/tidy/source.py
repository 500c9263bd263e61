"""The tracked Python files as the tidy tests see them: path, text, syntax tree."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Source:
    """One file."""

    path: str
    text: str
    tree: ast.Module


@functools.cache
def tracked() -> tuple[str, ...]:
    """Every file that git tracks and the work tree has."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={TOP}", "ls-files", "-z"],
        cwd=TOP,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    return tuple(path for path in listed if path and (TOP / path).is_file())


@functools.cache
def sources(under: str) -> tuple[Source, ...]:
    """The Python files below a folder, generated ones left out."""
    found: list[Source] = []
    for path in tracked():
        if path.startswith(under) and path.endswith(".py") and "/aws/types/" not in path:
            text = (TOP / path).read_text()
            found.append(Source(path, text, ast.parse(text)))
    assert found, f"no sources under {under}"
    return tuple(found)


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
