"""What the package promises before any of its functions is called: imports, metadata, layers, commands."""

from __future__ import annotations

import ast
import graphlib
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import unrolled
from unrolled.data.airline import MONTHS, PASSENGERS

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "unrolled"
BASE = {"numpy", "safetensors", "msgspec"}


def run_python(code: str, cwd: Path | None = None) -> str:
    """The output of ``code`` in a fresh process that no coverage tool starts up in."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment["PYTHONPATH"] = str(Path(unrolled.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


BASE_ALONE = f"""
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in {sorted(BASE | {"unrolled"})} and top not in sys.stdlib_module_names and top[0] != "_":
            raise ModuleNotFoundError(f"hidden: {{name}}", name=name)

sys.meta_path.insert(0, Hidden())
"""
"""Hides from a process everything that is installed beside the base dependencies, as after ``pip install .``."""


def test_runtime_runs_where_only_the_base_dependencies_exist():
    output = run_python(
        BASE_ALONE
        + """
import numpy as np
import unrolled
from unrolled.cells import get_cell
from unrolled.runtime.model_file import read_model
from unrolled.runtime.recurrent import RecurrentLayer

cell = get_cell("gru")
parameters = {k: np.ones(s) for k, s in cell.parameter_shapes(input_size=2, hidden_size=3).items()}
x = np.ones((4, 1, 2))
y, _ = RecurrentLayer(cell="gru", parameters=parameters)(x)
print(abs(y - cell.forward(parameters, x)[0]).max() < 1e-12, unrolled.kernel_info().threads > 0)
"""
    )
    assert output == "True True"


def test_what_the_readme_deploys_runs_where_only_the_base_dependencies_exist(tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (deploy,) = [block for block in re.findall(r"```python\n(.*?)```", readme, re.S) if "unrolled.load" in block]
    rows = "\n".join(f"{month},{passengers}" for month, passengers in zip(MONTHS, PASSENGERS, strict=True))
    (tmp_path / "data.csv").write_text(f"month,passengers\n{rows}\n", encoding="utf-8")
    forecaster = unrolled.Forecaster(members=1, max_epochs=1, hidden_size=4, random_state=0).fit(tmp_path / "data.csv")
    forecaster.save(tmp_path / "passengers.safetensors")
    printed = run_python(BASE_ALONE + deploy + "print(forecaster.predict(horizon=24)['passengers'].tolist())", tmp_path)
    assert "'1961-01', '1961-02'" in printed
    assert printed.splitlines()[-1] == str(forecaster.predict(horizon=24)["passengers"].to_list())


def test_import_costs_at_most_60_ms_above_numpy():
    """Of the processor's time: on a busy machine the clock counts what others do."""
    code = "import numpy, time; start = time.process_time(); import unrolled; print(time.process_time() - start)"
    assert min(float(run_python(code)) for _ in range(3)) < 0.060


def test_missing_extra_names_the_pip_command():
    error = unrolled.MissingExtraError("training", "torch", "train")
    assert str(error) == (
        "training needs the package 'torch'; in a checkout of unrolled: pip install '.[train]'"
        " --extra-index-url https://download.pytorch.org/whl/cpu"
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert str(error).rpartition(": ")[2] in readme  # the same command


@pytest.fixture(scope="module")
def distribution():
    try:
        return importlib.metadata.distribution("unrolled")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("unrolled runs from its sources here: there is no metadata to check")


def test_metadata(distribution):
    metadata = distribution.metadata
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.10"
    assert set(metadata.get_all("Provides-Extra")) >= {"cli", "train", "all"}
    always = [line for line in distribution.requires if "extra ==" not in line]
    assert {re.split(r"[^\w-]", line)[0] for line in always} == BASE
    assert unrolled.__version__ == distribution.version == declared_version()


def test_files_of_the_wheel(distribution):
    files = {str(file) for file in distribution.files}
    assert "unrolled/py.typed" in files
    assert "unrolled/kernels/_native.pyi" in files
    assert any(re.fullmatch(r"unrolled/kernels/_native\..*(so|pyd)", file) for file in files)
    assert any(file.endswith("licenses/LICENSE") for file in files)
    assert not [file for file in files if file.startswith(("tests", "docs", "native"))]


def test_stub_names_what_the_extension_has(distribution):
    from unrolled.kernels import _native

    stub = ast.parse(Path(distribution.locate_file("unrolled/kernels/_native.pyi")).read_text(encoding="utf-8"))
    named = {node.name for node in stub.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert named == {name for name in vars(_native) if not name.startswith("_")}


# Which places a place may import from: at the top of a file, and inside functions only (with what those need).
MAY_IMPORT = {
    "errors.py": ("", ""),
    "aliases.py": ("", ""),
    "version.py": ("", ""),
    "__init__.py": ("", "kernels tasks nn onnx convert insight version"),
    "__main__.py": ("cli", ""),
    "cells": ("", ""),
    "parameters": ("msgspec", "cells typing_extensions"),
    "kernels": ("cells", ""),
    "codecs": ("msgspec", "tokenizers"),
    "statistical": ("codecs", ""),
    "networks": ("msgspec cells codecs", ""),
    "runtime": ("safetensors msgspec cells kernels codecs networks", ""),
    "nn": ("torch cells kernels", "typing_extensions"),
    "onnx": ("cells kernels runtime", "onnx google"),
    "convert": ("cells kernels onnx", "torch keras nn"),
    "training": ("torch msgspec nn codecs networks runtime", ""),
    "progress.py": ("", ""),
    "charts": ("data", "runtime"),
    "data": ("codecs", "narwhals polars pandas pyarrow soundfile mido"),
    "metrics": ("codecs data charts", "sacrebleu"),
    "tasks": (
        "msgspec codecs statistical networks runtime data charts progress metrics",
        "torch nn training polars narwhals unrolled",
    ),  # estimators are found by unrolled.__all__
    "tuning": ("codecs data charts tasks", "torch optuna ray training"),
    "insight": ("cells charts kernels runtime data progress", "torch polars nn tasks metrics version"),
    "comparison": (
        "torch cells kernels codecs networks statistical training tasks data charts insight metrics progress",
        "polars hmmlearn sklearn_crfsuite",
    ),
    "bench": ("torch msgspec cells kernels runtime nn", "jax onnx onnxruntime threadpoolctl"),
    "cli": (
        "msgspec typer rich codecs runtime data charts progress metrics tasks bench",
        "torch kernels comparison insight tuning",
    ),
}
EVERYWHERE = {"numpy", "errors", "version", "aliases", "parameters"}


def imports(file: Path):
    """Each import of a file: what it names (``cells`` for ``unrolled.cells``), and whether it waits in a function."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    waiting = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        or (isinstance(function, ast.If) and "TYPE_CHECKING" in ast.dump(function))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            first, *rest = module.split(".")
            yield (rest[0] if first == "unrolled" and rest else first), id(node) in waiting


@pytest.mark.parametrize("place", sorted({file.relative_to(SOURCES).parts[0] for file in SOURCES.rglob("*.py")}))
def test_nobody_imports_against_the_direction(place):
    at_the_top, inside = (set(names.split()) for names in MAY_IMPORT[place])
    root = SOURCES / place
    for file in root.rglob("*.py") if root.is_dir() else [root]:
        for name, waits in imports(file):
            if name in sys.stdlib_module_names or name in EVERYWHERE or name == place:
                continue
            assert name in (at_the_top | inside if waits else at_the_top), f"{file.relative_to(ROOT)} imports {name}"


def test_no_two_files_need_each_other():
    """Imports at the top of files, which run when they are loaded, form no circle."""
    modules = {".".join(file.relative_to(SOURCES.parent).with_suffix("").parts): file for file in SOURCES.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): file for name, file in modules.items()}
    needs: dict[str, set[str]] = {"unrolled.kernels._native": set()}
    known = {*modules, *needs}
    for name, file in modules.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        named = [(f"{node.module}.{alias.name}", str(node.module)) for node in found for alias in node.names]
        needs[name] = {whole if whole in known else home for whole, home in named if {whole, home} & known}
    graphlib.TopologicalSorter(needs).prepare()  # raises a CycleError that names the circle


def declared_version() -> str:
    return re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)[1]


def test_changelog_has_the_current_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.+?)\]", changelog, re.M)[0] == declared_version()


def test_commands_of_the_readme_are_make_targets():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"make ([a-z]+)", "".join(re.findall(r"```sh\n(.*?)```", readme, re.S))))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert {"demo", "test"} <= commands <= targets


def test_examples_of_the_readme_run(tmp_path):
    """All of them in one process, one after the other, as a reader would."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", readme, re.S)
    assert len(examples) == 5
    (tmp_path / "demo").mkdir()
    rows = "\n".join(f"{month},{passengers}" for month, passengers in zip(MONTHS, PASSENGERS, strict=True))
    (tmp_path / "demo" / "passengers.csv").write_text(f"month,passengers\n{rows}\n", encoding="utf-8")
    printed = run_python("\n".join(examples), cwd=tmp_path)
    assert "1961-01" in printed
    assert "1962-12" in printed


def test_the_shell_lines_of_the_readme_run(tmp_path):
    """As printed, on the data that the demo writes."""
    from unrolled.cli.demo_data import demo_files

    for name, content in demo_files():
        (tmp_path / "demo" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "demo" / name).write_bytes(content)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", readme, re.S) if "unrolled " in block]
    assert len(blocks) == 1
    assert {"fit", "evaluate", "predict"} <= set(re.findall(r"^unrolled (\w+)", blocks[0], re.M))
    program = f'set -e\nunrolled() {{ "{sys.executable}" -m unrolled "$@"; }}\n{blocks[0]}'
    environment = {**os.environ, "PYTHONPATH": str(Path(unrolled.__file__).parents[1])}
    done = subprocess.run(
        ["bash", "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    measured = re.search(r"40 items, accuracy (\S+), macro F1", done.stdout)
    assert measured is not None
    assert float(measured[1]) > 0.9
    assert [line.split(",")[1] for line in (tmp_path / "moods.csv").read_text().splitlines()] == [
        "class",
        "good",
        "bad",
    ]


def test_continuous_integration_runs_the_test_command_of_the_readme():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert {"make lint", "make test", "make docs"} <= set(lines)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_what_was_looked_at(workflow):
    """An action by the hash of its commit: a tag can be moved to another one. Behind it stands the version, for people."""
    used = re.findall(r"uses: *(.+)", workflow.read_text(encoding="utf-8"))
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action), action


def test_wheels_have_the_time_of_their_commit():
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    jobs = re.findall(r"^  (\w+):\n(.*?)(?=^  \w|\Z)", release.partition("jobs:\n")[2], re.M | re.S)
    built = [steps for _, steps in jobs if "cibuildwheel" in steps or "run build" in steps]
    assert len(built) == 2
    for steps in built:
        assert (
            0
            < steps.index("SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)")
            < max(steps.find("cibuildwheel@"), steps.find("run build"))
        )
    assert 'environment-pass = ["SOURCE_DATE_EPOCH"]' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_constraints_name_every_dependency():
    """Whatever the extras and groups bring in, directly or through others, has its version fixed."""
    constrained = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M)
    waiting = set(
        re.findall(r'"([a-z][\w.-]*)(?:\[\w+\])?[<>=]', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    )
    assert BASE | {"torch", "pytest", "sphinx"} <= waiting
    needed: set[str] = set()
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting |= requirements(name) - needed
    assert {normal(name) for name in needed if not fixed_by_torch(name)} <= {normal(name) for name in constrained}


def requirements(name: str) -> set[str]:
    """The packages that an installed one always needs here; none for one that is not installed."""
    try:
        lines = importlib.metadata.distribution(name).requires or []
    except importlib.metadata.PackageNotFoundError:
        return set()
    needed = [Requirement(line) for line in lines]
    return {each.name for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def fixed_by_torch(name: str) -> bool:
    """The CUDA libraries of torch's Linux wheel."""
    return normal(name).startswith(("nvidia-", "cuda-", "triton"))


needs_posix = pytest.mark.skipif(os.name != "posix", reason="the Makefile is for POSIX systems")


def preflight(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "tools" / "preflight.sh"), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def script(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr of a refusal."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


@needs_posix
def test_missing_python():
    assert "apt install python3" in sentence(preflight("no-such-python"))


@needs_posix
def test_too_old_python(tmp_path):
    old = script(tmp_path / "python", 'case "$2" in *version_info*) exit 1;; *) echo 3.9.2;; esac')
    assert "needs Python 3.10 or newer" in sentence(preflight(old))
    assert "is 3.9.2" in sentence(preflight(old))


@needs_posix
@pytest.mark.parametrize(
    ("asked", "package"), [("ensurepip", "apt install python3-venv"), ("Python.h", "apt install python3-dev")]
)
def test_incomplete_python(tmp_path, asked, package):
    incomplete = script(tmp_path / "python", f'case "$*" in *{asked}*) exit 1;; esac')
    assert package in sentence(preflight(incomplete))


@needs_posix
def test_missing_or_old_compiler(tmp_path):
    python = script(tmp_path / "python", "exit 0")
    assert "apt install g++" in sentence(preflight(python, CXX="no-such-compiler"))
    old = script(tmp_path / "g++", "exit 1")
    assert "does not compile C++20" in sentence(preflight(python, CXX=old))


@needs_posix
def test_a_complete_machine_passes_silently(tmp_path):
    python, compiler = script(tmp_path / "python", "exit 0"), script(tmp_path / "g++", "exit 0")
    done = preflight(python, CXX=compiler)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
