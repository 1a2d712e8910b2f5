"""Who may import whom: the house's table, held here and checked."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "syscard"
FLOOR = {
    "errors",
    "record",
    "validations",
    "agreements",
    "lineage",
    "records",
    "reported",
    "frameworks",
    "framework_check",
    "files",
    "secret",
    "suites",
    "table",
    "trained",
    "yamltext",
}  # anybody may stand on it
LIBRARY = FLOOR | {"library", "specs", "reasoned", "examples"}
ALLOWED = {
    "errors": set(),
    "record": set(),
    "frameworks": {"record"},
    "reported": {"errors", "files", "frameworks", "record", "yamltext"},
    "records": {"record", "reported", "frameworks", "trained", "validations"},
    "trained": {"record"},
    "validations": {"record"},
    "agreements": {"record", "records", "validations"},
    "lineage": {"records"},
    "validate": LIBRARY | {"assess", "grader", "validate"},
    "secret": set(),
    "suites": {"errors"},
    "table": {"errors"},
    "sets": LIBRARY | {"sets"},
    "files": {"errors"},
    "yamltext": {"errors"},
    "watch": {"errors", "files", "record", "yamltext"},
    "keys": {"errors", "files"},
    "framework_check": FLOOR - {"framework_check"},
    "library": FLOOR,
    "specs": FLOOR | {"library"},
    "reasoned": {"specs"},
    "examples": FLOOR | {"reasoned", "specs"},
    "hiding": {"reasoned"},
    "deliberation": LIBRARY | {"hiding"},
    "serve": LIBRARY | {"deliberation", "hiding", "serve"},
    "weights": {"errors"},
    "engine": {"errors"},
    "adapters": {"errors", "weights"},
    "drafts": {"reasoned"},
    "local": {"adapters", "drafts", "engine", "errors", "reasoned", "weights"},
    "rewrites": LIBRARY | {"rewrites"},
    "grader": LIBRARY | {"grader"},
    "pressed": LIBRARY | {"grader", "pressed", "rewrites", "sets"},
    "evals": LIBRARY | {"evals", "grader", "pressed", "rewrites", "sets", "weights"},
    "redteam": LIBRARY | {"redteam", "grader", "rewrites"},
    "tuning": LIBRARY | {"adapters", "engine", "grader", "tuning", "weights"},
    "align": LIBRARY | {"align", "deliberation", "distill", "grader", "rewrites", "tuning"},
    "distill": LIBRARY | {"distill", "grader", "sets"},
    "spec_check": LIBRARY | {"sets"},
    "spec_agree": LIBRARY | {"assess", "grader", "spec_check"},
    "assess": LIBRARY | {"ablation", "assess", "keys", "watch", "sequence", "stopping", "verdict"},
    "web": LIBRARY | {"web", "assess"},
    "sequence": set(),
    "verdict": {"errors", "records"},
    "stopping": {"errors", "files", "records", "sequence", "verdict"},
    "turns": {"errors", "records", "sequence", "stopping", "verdict"},
    "jobs": LIBRARY | {"adapters", "stopping", "weights"},
    "current": LIBRARY | {"jobs", "weights"},
    "cost": LIBRARY | {"jobs", "weights"},
    "progress": {"jobs"},
    "run": LIBRARY
    | {
        "adapters",
        "engine",
        "jobs",
        "progress",
        "sequence",
        "stopping",
        "turns",
        "verdict",
        "weights",
    },
    "stress": LIBRARY | {"adapters", "assess", "jobs", "run", "stress", "tuning", "weights"},
    "ablation": LIBRARY | {"adapters"},
    "ablate": LIBRARY | {"ablation", "align", "jobs", "run", "tuning"},
    "_registry": {"align", "evals", "redteam", "local"},
    "cli": LIBRARY
    | {
        "ablate",
        "ablation",
        "align",
        "assess",
        "cli",
        "cost",
        "current",
        "deliberation",
        "distill",
        "evals",
        "grader",
        "jobs",
        "keys",
        "redteam",
        "run",
        "serve",
        "sets",
        "spec_agree",
        "spec_check",
        "stress",
        "tuning",
        "validate",
        "watch",
        "web",
    },
}
HEAVY = {"inspect_ai", "pydantic", "scipy", "numpy", "torch", "ray", "fastapi", "jinja2", "yaml"}


def imports(path: Path, at_top: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if at_top else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found.add(node.module or "")
    return found


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    names = {name.split(".")[1] for name in imports(path) if name.startswith("syscard.")}

    assert names <= ALLOWED[room(path)]


def test_siblings_of_a_family_do_not_import_each_other() -> None:
    for family in ("evals", "redteam", "align"):
        for path in (PACKAGE / family).glob("*.py"):
            assert not {name for name in imports(path) if name.startswith(f"syscard.{family}.")}


def test_only_measure_knows_inspect_right_of_the_log() -> None:
    knowing = {
        path.name
        for path in (PACKAGE / "assess").rglob("*.py")
        if any(name.split(".")[0] == "inspect_ai" for name in imports(path))
    }

    assert knowing == {"measure.py"}


def test_nothing_private_of_inspect_is_imported() -> None:
    private = [
        (path.name, name)
        for path in MODULES
        for name in imports(path)
        if name.startswith("inspect_ai") and "._" in name
    ]

    assert private == []


def test_heavy_packages_wait_for_the_command_that_needs_them() -> None:
    modules = (PACKAGE / "cli").glob("*.py")
    at_top = {name.split(".")[0] for path in modules for name in imports(path, at_top=True)}

    assert not at_top & HEAVY


def test_every_room_of_the_table_exists() -> None:
    rooms = {room(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}

    assert rooms - set(ALLOWED) == set()
    assert sys.version_info >= (3, 11)
