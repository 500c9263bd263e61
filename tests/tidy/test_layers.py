"""Who may see whom, and who alone may do what."""

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.tidy.source import TOP, Source, sources

STARTS_PROCESSES = (
    "src/mallee/kit/",
    "src/mallee/node/",
    "src/mallee/box/",
    "src/mallee/lab/",
    "src/mallee/images/",
)
PURE = (
    "src/mallee/node/plan/",
    "src/mallee/node/modes/gateways.py",
    "src/mallee/node/modes/legs.py",
    "src/mallee/node/modes/rules.py",
    "src/mallee/node/modes/switches.py",
    "src/mallee/node/modes/ways.py",
    "src/mallee/model/",
    "src/mallee/cloud/hosts/placing/place.py",
    "src/mallee/lab/cables.py",
    "src/mallee/lab/document.py",
    "src/mallee/lab/plan.py",
)
IMPURE = {"subprocess", "socket", "asyncio", "sqlite3", "random", "time", "os", "secrets"}


def test_rooms_import_only_downwards() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command], cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def needed_first(source: Source, files: Mapping[str, Source]) -> set[str]:
    """The files that must be imported before one can be: not what is only for types, or later."""
    names: set[str] = set()
    for node in source.tree.body:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            names.update(inside & files.keys() or {node.module})
    return names & files.keys()


def test_no_files_import_each_other_in_a_circle() -> None:
    files = {
        source.path.removeprefix("src/")
        .removesuffix(".py")
        .removesuffix("/__init__")
        .replace("/", "."): source
        for source in sources("src/")
    }
    needs = {name: needed_first(source, files) - {name} for name, source in files.items()}
    # What needs nothing that is left can be imported now; who stays is in a circle, or above one.
    while free := {name for name, others in needs.items() if not others & needs.keys()}:
        needs = {name: others for name, others in needs.items() if name not in free}
    assert needs == {}


def test_plans_know_no_process_no_socket_no_clock_and_no_chance() -> None:
    found = [
        f"{source.path} imports {name}"
        for source in sources("src/")
        if source.path.startswith(PURE)
        for name in sorted({name.partition(".")[0] for name in imported(source.tree)} & IMPURE)
    ]
    assert found == []


def test_the_public_room_starts_no_process() -> None:
    found = [
        f"{source.path} imports {name}"
        for source in sources("src/")
        if not source.path.startswith((*STARTS_PROCESSES, "src/mallee/cli/"))
        for name in sorted(imported(source.tree) & {"subprocess", "mallee.kit.process"})
    ]
    assert found == []


def test_only_the_hypervisors_door_speaks_to_libvirt() -> None:
    found = [
        source.path
        for source in sources("src/")
        if "libvirt" in imported(source.tree) and not source.path.startswith("src/mallee/node/do/")
    ]
    assert found == []


SEAM = {"seam", "records", "pages", "errors", "crc"}
"""What the protocol's side may know of the room of the engines."""
OPENS_ENGINES = {"src/mallee/cloud/s3/daemon.py", "src/mallee/cloud/s3/checking.py"}


def test_the_protocol_knows_the_seam_and_no_engine() -> None:
    found = [
        f"{source.path} imports {name}"
        for source in sources("src/mallee/cloud/s3/")
        if source.path not in OPENS_ENGINES
        for name in sorted(imported(source.tree))
        if name.startswith("mallee.walrus.") and name.split(".")[2] not in SEAM
    ]
    assert found == []
