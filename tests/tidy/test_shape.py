"""The rules of CONTRIBUTING.md that a machine can hold: sizes, names, words, swallowed errors."""

import ast
import re

from tests.tidy.source import TOP, Source, functions, sources, tracked

LINES_MAX = 600
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 5
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}


def where(source: Source, node: ast.AST) -> str:
    return f"{source.path}:{getattr(node, 'lineno', 0)}"


def test_no_file_is_too_long_to_hold_one_idea() -> None:
    found = [s.path for s in sources("") if s.text.count("\n") > LINES_MAX]
    assert found == []


def test_no_function_is_too_long_to_be_seen_whole() -> None:
    found = [
        f"{where(s, f)} {f.name}"
        for s in sources("")
        for f in functions(s)
        if (f.end_lineno or 0) - f.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert found == []


def test_functions_take_few_parameters() -> None:
    found: list[str] = []
    for source in sources("src/"):
        for function in functions(source):
            names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
            if names[:1] in (["self"], ["cls"]):
                names = names[1:]
            if len(names) > PARAMETERS_MAX:
                found.append(f"{where(source, function)} {function.name}")
    assert found == []


def test_every_module_says_what_it_is() -> None:
    assert [s.path for s in sources("src/") if not ast.get_docstring(s.tree)] == []


def test_a_package_holds_one_sentence_and_its_public_names() -> None:
    found: list[str] = []
    for source in sources("src/"):
        if not source.path.endswith("__init__.py"):
            continue
        for node in source.tree.body[1:]:
            if not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign):
                found.append(where(source, node))
    assert found == []


def test_every_public_function_has_its_sentence() -> None:
    found: list[str] = []
    for source in sources("src/"):
        if "/aws/errors/" in source.path:
            continue  # an error's code and message template are its sentence
        for node in source.tree.body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and not ast.get_docstring(node):
                found.append(f"{where(source, node)} {node.name}")
    assert found == []


def test_every_parameter_and_result_is_typed() -> None:
    found: list[str] = []
    for source in sources("src/"):
        for function in functions(source):
            arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
            bare = [a.arg for a in arguments if a.annotation is None]
            if function.returns is None or [name for name in bare if name not in ("self", "cls")]:
                found.append(f"{where(source, function)} {function.name}")
    assert found == []


def test_nothing_swallows_every_error() -> None:
    found: list[str] = []
    for source in sources(""):
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kind = "everything" if node.type is None else ast.unparse(node.type)
            broad = kind in ("everything", "Exception", "BaseException")
            last = node.body[-1]
            is_raised_again = isinstance(last, ast.Raise) and last.exc is None
            line = source.text.splitlines()[node.lineno - 1]
            if broad and not is_raised_again and "noqa: BLE001 - " not in line:
                found.append(f"{where(source, node)} catches {kind} without saying why")
    assert found == []


def test_names_say_a_topic() -> None:
    found = [
        path
        for path in tracked()
        if path.startswith(("src/", "tests/")) and set(re.split(r"[/.]", path)) & FORBIDDEN_NAMES
    ]
    assert found == []


def test_tests_wait_for_conditions_and_never_for_time() -> None:
    found: list[str] = []
    for source in sources("tests/"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep"):
                enclosing = _loops(source.tree)
                if not any(a <= node.lineno <= b for a, b in enclosing):
                    found.append(where(source, node))
    assert found == []


def _loops(tree: ast.Module) -> list[tuple[int, int]]:
    return [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.For | ast.While | ast.AsyncFor)
    ]


def test_nothing_tracked_names_a_place_that_only_one_machine_has() -> None:
    words = ("/work" + "/", "pypi" + ".org", "pythonhosted" + ".org", "deb.debian" + ".org")
    found: list[str] = []
    for path in tracked():
        data = (TOP / path).read_bytes()
        found.extend(f"{path}: {word}" for word in words if word.encode() in data)
    assert found == []
