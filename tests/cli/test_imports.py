"""What a command imports: it starts anew each time, and its user waits for all of it."""

import json
import subprocess
import sys

import pytest

from tests.cloud.running import RunningCloud

PROGRAM = """
import json, sys
from mallee.cli import main
try:
    sys.exit(main.run(sys.argv[1:]))
finally:
    print(json.dumps([*sys.modules]), file=sys.stderr)
"""
OF_DAEMONS = frozenset({"aiohttp", "asyncio", "cryptography", "sqlalchemy", "structlog", "uvloop"})
NATIVE = frozenset({"OpenSSL", "awscrt"})
"""What botocore would take where it is installed; nothing that a command asks needs it."""
CALLS = frozenset({"botocore", "urllib3"})
DRAWN = frozenset({"rich"})


def imported(cloud: RunningCloud, *command: str) -> set[str]:
    """Return the modules that a command has imported once it is done well."""
    argv = [sys.executable, "-c", PROGRAM, *command, "--root", str(cloud.layout.root)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("command", [("hosts", "list"), ("zones", "list"), ("accounts", "list")])
def test_who_asks_the_cloud_imports_nothing_of_daemons(
    cloud: RunningCloud, command: tuple[str, ...]
) -> None:
    modules = imported(cloud, *command)
    assert modules >= CALLS
    assert not (OF_DAEMONS | NATIVE | DRAWN) & modules


def test_who_looks_at_this_machine_imports_nothing_to_ask_the_cloud_with(
    cloud: RunningCloud,
) -> None:
    modules = imported(cloud, "config", "show")
    assert not (OF_DAEMONS | NATIVE | CALLS | DRAWN) & modules


@pytest.mark.parametrize("module", ["daemons", "lab", "machine"])
def test_what_starts_and_stops_daemons_is_none_itself(module: str) -> None:
    program = f"import json, sys, mallee.cli.machines.{module}; print(json.dumps([*sys.modules]))"
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
    modules = set(json.loads(said))
    assert not (OF_DAEMONS | NATIVE | CALLS | DRAWN) & modules
