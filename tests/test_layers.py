"""The rooms of the package: imports point down, and what is slow is imported only where it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import llmcmp
import llmcmp.api
from llmcmp.sources.names import preset_files

PACKAGE = Path(llmcmp.__file__).parent
# From the ground up; a module may import from its own room and those before it.
ROOMS = [
    "errors",
    "files",
    "frozen",
    "config",
    "dims",
    "units",
    "spans",
    "ops",
    "components",
    "card",
    "model",
    "passes",
    "folds",
    "sizes",
    "resize",
    "changes",
    "differences",
    "shrink",
    "devices",
    "sources",
]
ROOMS += ["nn", "bench", "tables", "plots", "exports", "learn", "report", "api", "cli", "workbench"]
# Rooms whose subject is torch: nothing else imports them but a command that needs them.
TORCH_ROOMS = {"nn", "bench"}
HEAVY = {"torch", "pandas", "matplotlib", "textual", "numpy", "transformers"}


def _imports(path: Path, *, top_level: bool) -> set[str]:
    tree = ast.parse(path.read_text())
    skipped = {id(node) for block in ast.walk(tree) if _is_type_checking(block) for node in ast.walk(block)}
    nodes = tree.body if top_level else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in ("__init__", "__main__"):
        return
    # Drawing and writing are asked for by the tables' and exporters' last step, inside functions.
    reached = {name.split(".")[1] for name in _imports(path, top_level=True) if name.startswith("llmcmp.")}
    assert all(ROOMS.index(other) <= ROOMS.index(room) for other in reached), reached


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_slow_is_imported_at_the_top(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    allowed = {"torch"} if room in TORCH_ROOMS else {"textual"} if room == "workbench" else set[str]()
    assert not {name.split(".")[0] for name in _imports(path, top_level=True)} & HEAVY - allowed


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["compare", "llama2", "qwen2", "mixtral"],
        ["kvcache", "--ctx", "128k"],
        ["kvcache", "gemma3-4b", "--engine", "vllm"],
        ["kvcache", "gemma3-4b", "--budget", "1GiB"],
        ["show", "deepseek-v3"],
        ["list"],
        ["evolve", "gpt"],
        ["pick", "--memory", "24GiB"],
    ],
)
def test_a_command_imports_nothing_slow(arguments: list[str]) -> None:
    program = f"""
import sys
from llmcmp.cli.app import main
sys.argv = ["llmcmp", *{arguments!r}]
try:
    main()
except SystemExit:
    pass
print("\\nIMPORTED", *sorted({HEAVY!r} & sys.modules.keys()))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1].split() == ["IMPORTED"]


def test_the_public_names_are_complete_and_short() -> None:
    assert llmcmp.__all__ == sorted(llmcmp.__all__) == llmcmp.api.__all__
    assert all(getattr(llmcmp, name).__doc__ for name in llmcmp.__all__)
    assert len((PACKAGE / "__init__.py").read_text().splitlines()) < 40
    assert set(llmcmp.__all__) <= set(dir(llmcmp))


@pytest.mark.parametrize("name", ["tables.compare", "cli.compare", "folds.flops", "sources.presets", "plots.figures"])
def test_every_room_can_be_entered_first(name: str) -> None:
    subprocess.run([sys.executable, "-c", f"import llmcmp.{name}"], check=True)


def test_a_command_loads_no_more_than_it_needs() -> None:
    program = (
        "import llmcmp.cli.compare, sys; print('llmcmp.folds.traffic' in sys.modules, 'llmcmp.api' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


def test_importing_the_package_loads_none_of_it() -> None:
    program = "import sys, llmcmp; print(*sorted(name for name in sys.modules if name.startswith('llmcmp')))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["llmcmp"]


def test_no_model_is_known_by_name_in_the_package() -> None:
    """Families and architectures are data; code that asks for one by name has the wrong design."""
    families = {path.parent.name for path in preset_files().values()}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                constants = {
                    c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)
                }
                assert not constants & families, f"{path.name}:{node.lineno}"
