"""The shape of the house: which way imports point, what the core may not do, how big a file is."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

REPO = pathlib.Path(__file__).resolve().parent.parent

# The architecture: a module imports from its own layer and from those to its left.
LAYERS = (
    "errors", "core", "config", "system", "aws", "report",
    "engine", "daemon", "rehearsal", "doctor", "bundle", "commands", "cli",
)  # fmt: skip
NARROW = {"errors": set(), "core": {"errors"}, "report": {"errors", "core"}}

IMPURE = {
    "asyncio", "concurrent", "ctypes", "distro", "fcntl", "getpass", "glob", "http", "io",
    "logging", "multiprocessing", "os", "pathlib", "platform", "psutil", "random", "requests",
    "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3", "structlog",
    "subprocess", "sys", "tempfile", "threading", "time", "tomli", "tomllib", "urllib", "uuid",
}  # fmt: skip
CLOCK = {"now", "utcnow", "today"}
CONCURRENT = {"_thread", "asyncio", "concurrent", "multiprocessing", "threading"}
NETWORK = {"requests", "urllib3"}
ASKS_NETWORK = {"hookd/aws/imds.py", "hookd/system/expect/http.py"}
IN_A_CHILD = {
    "hookd.aws.imds": "hookd/commands/identity.py",
    "hookd.system.expect.http": "hookd/system/expect/child.py",
}
MAY_PRINT = {"report", "commands", "cli"}
VAGUE = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}

MOST_LINES = 300
MOST_LINES_OF_A_HOOK = 120  # besides blank ones and comments


def layer_of(path: str) -> str:
    """Return the layer of the module at `path` (hookd/core/model.py); "" for the package itself."""
    if path == "hookd/__init__.py":
        return ""
    if path == "hookd/__main__.py":
        return "cli"
    return pathlib.PurePath(path).parts[1].split(".")[0]


def problems(path: str, source: str) -> list[str]:
    """Return what is wrong with the module at `path`, in words."""
    tree = ast.parse(source)
    return [
        *_name(path),
        *_size(path, source),
        *_head(tree),
        *_imports(path, tree),
        *_outside_a_child(path, tree),
        *_calls(path, tree),
    ]


def _name(path):
    names = set(pathlib.PurePath(path).with_suffix("").parts)
    for name in sorted(names & VAGUE):
        yield f"says nothing: {name}"
    if layer_of(path) not in ("", *LAYERS):
        yield f"in no layer: {layer_of(path)}"


def _size(path, source):
    lines = len(source.splitlines())
    if lines > MOST_LINES:
        yield f"{lines} lines"


def _head(tree):
    if not ast.get_docstring(tree):
        yield "no docstring"
    rest = tree.body[1:] if ast.get_docstring(tree) else tree.body
    if rest and not _is_future(rest[0]):
        yield "no `from __future__ import annotations` first"


def _is_future(node):
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and [name.name for name in node.names] == ["annotations"]
    )


def _imports(path, tree):
    layer = layer_of(path)
    for name in _imported(tree):
        top = name.split(".")[0]
        if top == "":
            yield "relative import"
        elif top == "hookd":
            yield from _direction(layer, name)
        elif top == "subprocess" and not path.startswith("hookd/system/process/"):
            yield "subprocess outside system/process"
        elif top in NETWORK and path not in ASKS_NETWORK:
            yield f"network outside aws/imds and system/expect/http: {top}"
        elif top in CONCURRENT:
            yield f"concurrency: {top}"
        if layer in ("core", "errors") and top in IMPURE:
            yield f"impure import: {name}"


def _imported(tree):
    """Yield the dotted name of everything imported, anywhere in the module; "" when relative."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield ""
        elif isinstance(node, ast.ImportFrom) and node.module == "hookd":
            yield from (f"hookd.{name.name}" for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def _outside_a_child(path, tree):
    """Yield an import of what only a short-lived child may load, in any other module."""
    wholes = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    parts = {
        f"{node.module}.{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    for name in sorted(IN_A_CHILD.keys() & {*wholes, *parts, *_imported(tree)}):
        if IN_A_CHILD[name] != path:
            yield f"network outside of a child: {name}"


def _direction(layer, name):
    other = [*name.split("."), ""][1]
    if other not in LAYERS or other == layer:
        return
    allowed = NARROW.get(layer, set(LAYERS[: LAYERS.index(layer)]) if layer in LAYERS else set())
    if other not in allowed:
        yield f"{layer or 'the package'} imports {other}"


def _calls(path, tree):
    layer = layer_of(path)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if called == "print" and layer not in MAY_PRINT:
            yield "prints"
        if layer == "core" and (called == "open" or method in CLOCK):
            yield f"impure call: {called or method}"
        if method in ("system", "popen") and getattr(node.func.value, "id", "") == "os":
            yield f"a shell: os.{method}"
        for keyword in node.keywords:
            if keyword.arg == "shell" and getattr(keyword.value, "value", True) is not False:
                yield "a shell: shell="


MODULES = sorted(path.relative_to(REPO).as_posix() for path in (REPO / "hookd").rglob("*.py"))


def test_the_modules_are_found():
    assert {"hookd/__init__.py", "hookd/errors.py", "hookd/core/model.py"} <= set(MODULES)


@pytest.mark.parametrize("path", MODULES)
def test_every_module_keeps_the_shape_of_the_house(path):
    assert problems(path, (REPO / path).read_text(encoding="utf-8")) == []


HEAD = '"""Owns it."""\n\nfrom __future__ import annotations\n\n'

BAD = [
    ("hookd/core/plan.py", "from hookd.system.root import Root", ["core imports system"]),
    ("hookd/core/plan.py", "from hookd.config import Config", ["core imports config"]),
    ("hookd/core/plan.py", "import hookd.engine", ["core imports engine"]),
    ("hookd/core/plan.py", "from hookd import engine", ["core imports engine"]),
    ("hookd/core/plan.py", "from . import model", ["relative import"]),
    ("hookd/core/plan.py", "import os.path", ["impure import: os.path"]),
    ("hookd/core/plan.py", "from time import monotonic", ["impure import: time"]),
    ("hookd/core/plan.py", "def f():\n    import random", ["impure import: random"]),
    ("hookd/core/plan.py", "open('/etc/passwd')", ["impure call: open"]),
    ("hookd/core/plan.py", "datetime.now()", ["impure call: now"]),
    ("hookd/core/plan.py", "print(1)", ["prints"]),
    ("hookd/report/text.py", "from hookd.system.root import Root", ["report imports system"]),
    ("hookd/report/text.py", "from hookd.config import Config", ["report imports config"]),
    ("hookd/system/root.py", "from hookd.engine import Engine", ["system imports engine"]),
    ("hookd/aws/caller.py", "from hookd.cli import main", ["aws imports cli"]),
    ("hookd/errors.py", "from hookd.core.model import Run", ["errors imports core"]),
    ("hookd/__init__.py", "from hookd.cli import main", ["the package imports cli"]),
    (
        "hookd/engine.py",
        "import requests",
        ["network outside aws/imds and system/expect/http: requests"],
    ),
    (
        "hookd/aws/agent.py",
        "import urllib3",
        ["network outside aws/imds and system/expect/http: urllib3"],
    ),
    (
        "hookd/commands/verify.py",
        "from hookd.system.expect import http",
        ["network outside of a child: hookd.system.expect.http"],
    ),
    (
        "hookd/commands/boot.py",
        "from hookd.aws.imds import ask",
        ["network outside of a child: hookd.aws.imds"],
    ),
    ("hookd/engine.py", "import subprocess", ["subprocess outside system/process"]),
    ("hookd/system/boot.py", "from subprocess import run", ["subprocess outside system/process"]),
    ("hookd/system/process.py", "import subprocess", ["subprocess outside system/process"]),
    ("hookd/daemon/server.py", "import threading", ["concurrency: threading"]),
    ("hookd/engine.py", "from concurrent import futures", ["concurrency: concurrent"]),
    ("hookd/engine.py", "print('started')", ["prints"]),
    ("hookd/engine.py", "os.system('reboot')", ["a shell: os.system"]),
    ("hookd/engine.py", "spawn('ls', shell=True)", ["a shell: shell="]),
    ("hookd/engine.py", "spawn('ls', shell=flag)", ["a shell: shell="]),
    ("hookd/system/utils.py", "", ["says nothing: utils"]),
    ("hookd/helpers/text.py", "", ["says nothing: helpers", "in no layer: helpers"]),
    ("hookd/engine.py", "x = 1\n" * 297, ["301 lines"]),
]


@pytest.mark.parametrize(("path", "body", "expected"), BAD)
def test_the_checker_sees(path, body, expected):
    assert problems(path, HEAD + body) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from __future__ import annotations\n", ["no docstring"]),
        ('"""Owns it."""\n\nimport os\n', ["no `from __future__ import annotations` first"]),
        ('"""Owns it."""\n', []),
    ],
)
def test_the_checker_sees_the_head_of_a_module(source, expected):
    assert problems("hookd/engine.py", source) == expected


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("hookd/core/plan.py", "import json\nfrom hookd.core.model import Run"),
        ("hookd/report/text.py", "from hookd.core.model import Run\nprint(1)"),
        ("hookd/system/process/spawn.py", "import subprocess\nsubprocess.run([], shell=False)"),
        ("hookd/system/root.py", "from hookd.config import Config\nopen('/etc/passwd')"),
        ("hookd/__main__.py", "from hookd import __version__\nfrom hookd.cli import main"),
        ("hookd/commands/run.py", "from hookd.engine import Engine\nfrom hookd.aws import caller"),
        ("hookd/system/expect/http.py", "import requests"),
        ("hookd/engine.py", "x = 1\n" * 296),
    ],
)
def test_the_checker_lets_pass(path, body):
    assert problems(path, HEAD + body) == []


def test_a_shipped_hook_is_read_at_a_sitting():
    shipped = pathlib.Path(__file__).parent.parent.glob("hooks.d/*/*")
    lines = {hook.name: code_lines(hook.read_text()) for hook in shipped}
    assert len(lines) > 20
    assert {name: found for name, found in lines.items() if found > MOST_LINES_OF_A_HOOK} == {}


NUMBERS = (r"^[1-9][0-9]*$", r"^(0|[1-9][0-9]*)$", r"^(-1|0|[1-9][0-9]*)$")
FRACTION = r"^([0-9]*\.)?[0-9]+$"  # for sleep(1) alone


def test_numbers_are_judged_alike_in_all_shipped_hooks():
    """A zero in front would make an octal number of one where the shell calculates."""
    found = {}
    for hook in pathlib.Path(__file__).parent.parent.glob("hooks.d/*/*"):
        source = hook.read_text()
        for name in re.findall(r"^#   (\w+_S|KEEP|KEEP_DAYS) ", source, re.MULTILINE):
            judged = rf'\[\[ \$\{{?{name}\S* =~ (\S+) \]\] \|\| die "{name} is no number: \${name}"'
            found[hook.name, name] = re.findall(judged, source)
    assert len(found) > 30
    well = {True: ([FRACTION],), False: tuple([form] for form in NUMBERS)}
    odd = {one: forms for one, forms in found.items() if forms not in well[one[1] == "POLL_S"]}
    assert odd == {}


SPAN = re.DOTALL | re.MULTILINE
# What a clock that is set moves, and what takes a temporary file before bash 5.1, which a full disk
# has not: then nothing is read, which is to some loops that there is nothing.
NOT_IN_HOOKS = re.compile(r"\bSECONDS\b|<<")


def test_shipped_hooks_wait_by_no_clock_and_need_no_temporary_file():
    hooks = pathlib.Path(__file__).parent.parent.glob("hooks.d/*/*")
    shell = {hook.name: re.sub(r"-c '\n.*?^'", "", hook.read_text(), flags=SPAN) for hook in hooks}
    lines = [
        (name, line)
        for name, source in shell.items()
        for line in source.splitlines()
        if NOT_IN_HOOKS.search(line) and not line.lstrip().startswith("#")
    ]
    assert (len(shell) > 20, lines) == (True, [])


def code_lines(source: str) -> int:
    return sum(not re.match(r" *(#|$)", line) for line in source.splitlines())


def test_comments_and_blank_lines_are_no_code():
    assert code_lines("#!/bin/bash\n\n  # why\nx=1 # one\n  exit\n") == 2
