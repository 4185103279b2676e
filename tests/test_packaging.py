"""What is built and shipped: the list of packages, the wheel, and nothing that is only true on one machine."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import dynamo_parsers
import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:  # comes with pytest and mypy there
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETTINGS = PROJECT["tool"]["setuptools"]


def tracked() -> list[Path]:
    """The files of the repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def folders() -> dict[str, Path]:
    """Every folder that is a package of ours, by its name once installed."""
    roots = {"dynamo_parsers": ROOT / "common", "dynamo_parsers.chat_templates": ROOT / "chat_templates"}
    for engine in sorted((ROOT / "plugins").iterdir()):
        if any(engine.glob("*.py")):
            roots[f"dynamo_parsers.{engine.name}"] = engine
    found = {}
    for package, root in roots.items():
        for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
            if any(folder.glob("*.py")):
                found[".".join((package, *folder.relative_to(root).parts))] = folder
    return found


def test_every_package_is_listed() -> None:
    assert sorted(SETTINGS["packages"]) == sorted(folders())
    assert all((folder / "__init__.py").exists() for folder in folders().values())


def test_folders_of_no_package_hold_no_python() -> None:
    """A module in `plugins/` itself would shadow an engine, and so would tests in a package."""
    assert not list((ROOT / "plugins").glob("*.py"))
    packages = [path.parent for path in (ROOT / "tests").rglob("__init__.py")]
    assert not [folder for folder in packages if list(folder.rglob("test_*.py"))]


def test_nothing_imports_a_folder() -> None:
    """`import common` would make a second copy of every class."""
    wrong = []
    for path in tracked():
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            wrong += [
                f"{path.relative_to(ROOT)}: {name}" for name in names if name.split(".")[0] in ("common", "plugins")
            ]
    assert wrong == []


PLACES = re.compile(
    r"(?<![\w.~>])/(?:work|home|root|Users|opt|mnt|srv|scratch|workspace)/[\w.-]"
    r"|--trusted-host|index-url[ =]+\S*//"
    r"|https?://[\w.-]*(?:pypi|pythonhosted|artifactory|nexus|registry|mirror)[\w.-]*"
)
"""A machine's own folders, and the hosts of package registries."""


def test_no_place_of_one_machine() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__) or path.suffix in (".png", ".gz"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            found += [f"{path.relative_to(ROOT)}:{number}: {place.group()}" for place in PLACES.finditer(line)]
    assert found == []


def test_the_version_is_written_once() -> None:
    """In the package, and not as a number anywhere in pyproject.toml."""
    assert "version" not in PROJECT["project"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", dynamo_parsers.__version__)


# --- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the repository's files alone."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in tracked():
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(built), str(source))
    (made,) = built.glob("*.whl")
    return made


def pip(python: str, *arguments: str) -> None:
    command = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in names} == {"dynamo_parsers"}
    wanted = {
        "/".join((*package.split("."), file.name))
        for package, folder in folders().items()
        for file in (*folder.glob("*.py"), *folder.glob("*.jinja"), *folder.glob("py.typed"))
    }
    assert "dynamo_parsers/py.typed" in wanted
    assert wanted <= set(names)


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_wheel_works_in_a_fresh_environment(wheel: Path) -> None:
    """With pydantic only, and what it says about its command line then; what a release tries too."""
    release("try", str(wheel.parent))


def release(*arguments: str) -> None:
    command = [sys.executable, str(ROOT / ".ci" / "release.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_tag_that_says_another_version_is_refused() -> None:
    with pytest.raises(AssertionError, match=re.escape(f"__version__ is {dynamo_parsers.__version__}")):
        release("check", "v0.0.1")


# --- the command line's libraries, which an engine's environment need not have


def test_only_the_command_line_imports_its_libraries() -> None:
    found = []
    for folder in {path for name, path in folders().items() if name != "dynamo_parsers.cli"}:
        for path in folder.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names = [node.module]
                found += [f"{path}: {name}" for name in names if name.split(".")[0] in ("rich", "typer")]
    assert found == []


WITHOUT = """
import sys
class Refused:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in ("rich", "typer"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refused)
"""


@pytest.mark.parametrize(
    "module",
    ["", ".vllm", ".sglang", ".trtllm", ".trtllm.hook", ".trtllm.serve", ".probe", ".triage.doctor", ".detect", ".cli"],
)
def test_imported_without_them(module: str) -> None:
    """What an engine loads to register the parsers, what operators' code may use, and the command's own entry."""
    script = f"{WITHOUT}\nimport dynamo_parsers{module}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
