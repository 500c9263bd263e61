"""Compiles what a run of tests reads, once and on all processors, before its workers begin.

The program's processes may not keep what they have compiled (they run as another user), and each
worker would compile every test: pytest rewrites `assert` statements, which takes longer than all
else in collecting them. What is kept is what pytest would keep itself, where it looks for it.
"""

import compileall
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.assertion import rewrite
from _pytest.assertion.rewrite import assertstate_key

_TESTS = ("test_*.py", "conftest.py")


def program(root: Path) -> None:
    """Compile the program."""
    compileall.compile_dir(root / "src", quiet=2, workers=0)


def tests(config: pytest.Config, root: Path) -> None:
    """Compile all tests, as pytest would, and what they import."""
    compileall.compile_dir(root / "tests", quiet=2, workers=0)
    # What a child would need of pytest cannot be sent to it: it inherits it.
    share = os.cpu_count() or 1
    children = [
        multiprocessing.get_context("fork").Process(target=_rewrite, args=(config, root, n, share))
        for n in range(share)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()


def _rewrite(config: pytest.Config, root: Path, number: int, share: int) -> None:
    state = config.stash[assertstate_key]
    for path in list(_paths(root))[number::share]:
        cache = rewrite.get_cache_dir(path)
        kept = cache / (path.name[: -len(".py")] + rewrite.PYC_TAIL)
        if rewrite._read_pyc(path, kept) is None:
            source_hash, code = rewrite._rewrite_test(path, config)
            rewrite._write_pyc(state, code, source_hash, kept)


def _paths(root: Path) -> Iterator[Path]:
    for pattern in _TESTS:
        yield from sorted((root / "tests").rglob(pattern))
