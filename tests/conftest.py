"""What every test stands on: a network of its own, and a short root directory that goes away.

A pytest process that runs as root moves into a fresh network namespace before anything is
imported that could open a socket: that namespace *is* "the host" for the run, with a loopback
that is up and nothing else. So no test can touch the machine's own links, routes or rules, and a
test that changes its host has one for itself.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests import compiled, leftovers, longest, ownhost

if TYPE_CHECKING:
    from tests.wholecloud import Cloud

SHARED = frozenset({"cloud", "clouds", "pair", "whole_box"})
"""Fixtures that live longer than one test, on the process's first host or one of their own."""

if os.geteuid() == 0:
    ownhost.enter()

# An example may stand still for as long as the machine lets it: no property is about that.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """Watch for what is left; compile once what all processes read."""
    config.pluginmanager.register(leftovers.Watch(), "leftovers")
    if not hasattr(config, "workerinput"):
        compiled.program(config.rootpath)
        if config.getoption("numprocesses", None):
            compiled.tests(config, config.rootpath)


def pytest_sessionfinish() -> None:
    """End what stood by for all tests of this process."""
    # Only if a test asked for it: not every one has what that imports.
    if standby := sys.modules.get("tests.standby.programs"):
        standby.end()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the files that workers are given: no worker shall begin a long one when all else ends.

    Within a file, and where there is one worker only, the order stays.
    """
    if not hasattr(config, "workerinput"):
        return
    paths = {item: item.path.relative_to(config.rootpath).as_posix() for item in items}
    counts = Counter(paths.values())
    items.sort(key=lambda item: longest.rank(paths[item], counts[paths[item]]))


@pytest.fixture(autouse=True)
def _host_tests_need_root(request: pytest.FixtureRequest) -> None:
    for name in ("host", "machine"):
        if request.node.get_closest_marker(name) and os.geteuid() != 0:
            pytest.skip("needs root: it makes namespaces, links and mounts of its own")


@pytest.fixture(autouse=True)
def _own_host(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give a test that changes its host a fresh one, unless it shares a cloud with others.

    The clouds that tests share live in the process's first network namespace; a test that flushes
    its host's routes must not flush theirs, nor be healed by their agents.
    """
    markers = {mark.name for mark in request.node.iter_markers()}
    if not markers & {"host", "machine"} or SHARED.intersection(request.fixturenames):
        yield
        return
    with ownhost.fresh_network():
        yield


@pytest.fixture(scope="session")
def cloud() -> "Iterator[Cloud]":
    """One whole cloud for all tests of a worker that do it no harm; leave no instance in it."""
    # Imported only where guests are tested: all else shall begin at once.
    from tests import wholecloud

    with wholecloud.fresh() as running:
        yield running


@pytest.fixture
def root_dir() -> Iterator[Path]:
    """An empty directory directly under the temporary directory.

    Its path is short, because unix sockets of a whole cloud hang below it (107 bytes at most),
    and everyone may pass through it, because daemons drop their rights.
    """
    path = Path(tempfile.mkdtemp(prefix="m-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def namespace_names() -> Iterator[list[str]]:
    """A list: network namespaces whose names a test puts in are removed after it."""
    names: list[str] = []
    yield names
    for name in names:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
