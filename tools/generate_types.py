"""Write TypedDicts of the requests and results of the implemented actions: `aws/types/*.py`.

Which actions those are is the tables' say (`cloud.actions`, `cloud.s3.table`); `--check`
writes nothing and fails when a file differs (a test calls it). Request shapes hold what decoding
gives; shapes that only results have also take `None` for absent, seconds since the epoch for times
and `Fragment`s. A shape that both have is typed as the request's. Streamed bodies are no members.
"""

import argparse
import keyword
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mallee.aws import model
from mallee.cloud import actions
from mallee.cloud.s3 import table as s3

FOLDER = Path(__file__).parent.parent / "src/mallee/aws/types"
SERVICES = (
    *("cloudtrail", "dlm", "ec2", "ec2-instance-connect", "sts"),
    *("iam", "kms", "mallee", "rbin", "s3"),
)
HEAD = '''"""Requests and results of {service}'s actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment

'''
_SCALARS = {
    "string": "str",
    "character": "str",
    "integer": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "boolean": "bool",
    "blob": "bytes",
}


@dataclass(frozen=True, slots=True)
class Reached:
    """The structures that a service's actions use."""

    service: model.ServiceModel
    requests: frozenset[str]
    results: frozenset[str]


def main() -> int:
    """Write or check the files; return the process's exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    parser.add_argument(
        "--also", nargs="*", default=[], help="actions (ec2:RunInstances) that get a row soon"
    )
    arguments = parser.parse_args()
    names = implemented()
    for permission in arguments.also:
        service, _, name = permission.partition(":")
        names[service].add(name)
    wanted = files(names)
    if arguments.check:
        stale = [path.name for path, text in wanted.items() if _read(path) != text]
        if stale:
            print(f"not as the action table has them: {', '.join(stale)};")
            print("run: python tools/generate_types.py")
        return 1 if stale else 0
    for path, text in wanted.items():
        path.write_text(text)
        print(f"{path.name}: {text.count('class ')} types")
    return 0


def implemented() -> dict[str, set[str]]:
    """Return the names of the implemented actions by service."""
    names: dict[str, set[str]] = {service: set() for service in SERVICES}
    for service, name in actions.TABLE:
        names[service].add(name)
    names["s3"] = {row.name for row in s3.ROWS}
    return names


def files(names: Mapping[str, Iterable[str]]) -> dict[Path, str]:
    """Return the text of each file for the actions of those names, by service."""
    texts = {
        FOLDER / f"{service.replace('-', '_')}.py": _format(service_text(service, names[service]))
        for service in SERVICES
    }
    texts[FOLDER / "__init__.py"] = (
        '"""Requests and results as TypedDicts, written by `tools/generate_types.py`."""\n'
    )
    return texts


def service_text(service: str, names: Iterable[str]) -> str:
    """Return the text of a service's file, not yet formatted."""
    loaded = model.load(service)
    operations = [loaded.operations[name] for name in sorted(names)]
    reached = Reached(
        service=loaded,
        requests=_structures(loaded, [operation.input for operation in operations]),
        results=_structures(loaded, [operation.output for operation in operations]),
    )
    classes = [
        _class(reached, loaded.shape(name)) for name in sorted(reached.requests | reached.results)
    ]
    return HEAD.format(service=service) + "\n\n".join(classes) + "\n"


def _structures(service: model.ServiceModel, roots: Iterable[model.Shape | None]) -> frozenset[str]:
    """Return the names of all structures that the roots lead to."""
    seen: set[str] = set()
    todo = [root for root in roots if root is not None]
    while todo:
        shape = todo.pop()
        if shape.name not in seen:
            seen.add(shape.name)
            parts = [*shape.members.values(), shape.member, shape.key, shape.value]
            todo.extend(service.shape(part.shape) for part in parts if part is not None)
    return frozenset(name for name in seen if service.shape(name).type == "structure")


def _class(reached: Reached, shape: model.Shape) -> str:
    is_request = shape.name in reached.requests
    fields = {
        name: _field(reached, shape, name, is_request=is_request)
        for name, member in shape.members.items()
        if not member.streaming
    }
    if any(keyword.iskeyword(name) for name in fields):
        inside = ", ".join(f'"{name}": "{hint}"' for name, hint in fields.items())
        return f'{shape.name} = TypedDict("{shape.name}", {{{inside}}})\n'
    lines = [f"    {name}: {hint}" for name, hint in fields.items()] or ["    pass"]
    return "\n".join([f"class {shape.name}(TypedDict):", *lines, ""])


def _field(reached: Reached, shape: model.Shape, name: str, *, is_request: bool) -> str:
    hint = _hint(reached, shape.members[name], is_request=is_request)
    if name in shape.required:
        return hint
    return f"NotRequired[{hint}]" if is_request else f"NotRequired[{hint} | None]"


def _hint(reached: Reached, member: model.Member, *, is_request: bool) -> str:
    shape = reached.service.shape(member.shape)
    fragment = "" if is_request else " | Fragment"
    if shape.type == "structure":
        return shape.name + fragment
    if shape.type == "list":
        assert shape.member is not None
        item = _hint(reached, shape.member, is_request=is_request)
        return f"list[{item}]" if is_request else f"Sequence[{item}] | Fragment"
    if shape.type == "map":
        assert shape.key is not None
        assert shape.value is not None
        key = _hint(reached, shape.key, is_request=is_request)
        value = _hint(reached, shape.value, is_request=is_request)
        return f"dict[{key}, {value}]" if is_request else f"Mapping[{key}, {value}] | Fragment"
    if shape.type == "timestamp":
        return "datetime" if is_request else "datetime | float"
    return _SCALARS[shape.type]


def _format(text: str) -> str:
    """Return the text as ruff formats it, without imports that nothing uses."""
    for arguments in (
        ["check", "--select", "F401,I,UP", "--fix", "--quiet", "--stdin-filename", "types.py", "-"],
        ["format", "--quiet", "--stdin-filename", "types.py", "-"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = done.stdout
    return text


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
