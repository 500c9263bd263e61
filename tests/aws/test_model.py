"""Service models load whole and lazily, and are what the tools would write today."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mallee.aws import model
from mallee.aws.codec import constraints

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("tool", ["refresh_models.py", "generate_types.py"])
def test_generated_files_are_fresh(tool: str) -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "tools" / tool, "--check"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["sns", "", "../ec2", "ec2.json", "NOTICE"])
def test_a_service_without_a_model_is_not_found(name: str) -> None:
    with pytest.raises(KeyError):
        model.load(name)


def test_services_are_those_with_a_file() -> None:
    assert model.services() >= {"ec2", "sts", "iam", "mallee"}


@pytest.mark.parametrize("name", sorted(model.services()))
def test_every_shape_is_there_and_every_pattern_compiles(name: str) -> None:
    service = model.load(name)
    for shape in map(service.shape, service.shape_names):
        parts = [*shape.members.values(), shape.member, shape.key, shape.value]
        assert all(service.shape(part.shape) for part in parts if part)
        assert set(shape.required) <= set(shape.members)
        if shape.pattern is not None:
            constraints.compile_pattern(shape.pattern)
    for operation in service.operations.values():
        assert all(service.shape(error).exception for error in operation.errors)


def test_operations_are_looked_up_by_name() -> None:
    operations = model.load("ec2").operations
    assert "RunInstances" in operations
    assert "__getitem__" not in operations
    run = operations["RunInstances"]
    assert run is operations["RunInstances"]
    assert run.input is not None
    assert run.output is not None
    assert run.input.required == ("MaxCount", "MinCount")
    assert run.input.members["ClientToken"].idempotency_token


def test_patterns_that_python_cannot_say_are_not_compiled() -> None:
    for pattern in (r"\p{L}+", r"[\p{L}\p{N}]+", r"[\p{Lu}_]+"):
        with pytest.raises(ValueError, match="in Python"):
            constraints.compile_pattern(pattern)
