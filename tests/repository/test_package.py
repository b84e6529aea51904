"""What is built is what is meant: one top-level name, the presets inside, a light import."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts.memory_bank import ROOT

pytestmark = pytest.mark.proof  # builds and installs the package
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PRESETS = {path.name for path in (ROOT / "scenarios").glob("*.toml")}
HEAVY = ("torch", "stable_baselines3", "sb3_contrib", "matplotlib", "ray")
LOOK = f"""
import json, sys, time
start = time.process_time()
import trading_env
seconds = time.process_time() - start
from importlib.resources import files
presets = [item.name for item in files("trading_env.scenarios").iterdir()]
print(json.dumps({{
    "file": trading_env.__file__,
    "heavy": [name for name in {HEAVY!r} if name in sys.modules],
    "presets": [name for name in presets if name.endswith(".toml")],
    "seconds": seconds,
}}))
"""


def copied(target: Path) -> Path:
    """Copy what is in the repository."""
    names = (".git", ".*_cache", "__pycache__", "*.egg-info", "build", "runs", "site")
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*names))
    return target


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source archive, and the wheel from it, out of a copy of the repository."""
    copy = copied(tmp_path_factory.mktemp("build") / "copy")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(copy / "dist")]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return copy / "dist"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unzip the wheel in an empty folder."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def looks(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """Import the installed package in fresh interpreters, from an empty folder."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", LOOK]
    outputs = [
        subprocess.run(
            command, cwd=elsewhere, env=environment, stdout=subprocess.PIPE, check=True
        ).stdout
        for _ in range(4)
    ]
    return [json.loads(output) for output in outputs]


def test_the_wheel_has_one_top_level_name(installed: Path) -> None:
    names = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert names == {"trading_env"}


def test_the_wheel_holds_every_module_every_preset_and_the_type_marker(installed: Path) -> None:
    package = installed / "trading_env"
    source = ROOT / "trading_env"
    expected = {str(path.relative_to(source)) for path in source.rglob("*.py")}
    parts = ("report/*.css", "report/*.js", "report/templates/*.html", "markets/data/*")
    expected |= {str(path.relative_to(source)) for part in parts for path in source.glob(part)}
    expected |= {"py.typed", "scenarios/__init__.py", *(f"scenarios/{name}" for name in PRESETS)}
    assert expected <= {str(path.relative_to(package)) for path in package.rglob("*")}


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    """With the time of the commit, two builds in two folders are one archive."""
    digests = []
    for name in ("one", "two"):
        copy = copied(tmp_path / name)
        command = [sys.executable, "scripts/build.py", str(copy / "dist")]
        env = os.environ | {"SOURCE_DATE_EPOCH": "1790000000"}
        subprocess.run(command, cwd=copy, env=env, capture_output=True, check=True)
        files = sorted((copy / "dist").iterdir())
        digests.append({file.name: sha256(file.read_bytes()).hexdigest() for file in files})
    assert len(digests[0]) == 2 and digests[0] == digests[1]


@pytest.mark.parametrize("extra", PROJECT["optional-dependencies"])
def test_an_extra_asks_for_packages_that_another_does_not_forbid(extra: str) -> None:
    """Alone and with all others: a requirement names one range wherever it is asked for."""
    ranges: dict[str, set[str]] = {}
    for requirements in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        for text in requirements:
            name = re.split(r"[\[<>=!~]", text)[0]
            ranges.setdefault(name, set()).add(text.partition("[")[0].removeprefix(name))
    for text in PROJECT["optional-dependencies"][extra]:
        assert len(ranges[re.split(r"[\[<>=!~]", text)[0]] - {""}) <= 1, text
    own = re.findall(r"execution-gym\[([^]]+)\]", " ".join(PROJECT["optional-dependencies"][extra]))
    assert set(",".join(own).split(",")) - {""} <= set(PROJECT["optional-dependencies"])


def test_how_to_cite_is_one_thing_in_three_places() -> None:
    page = (ROOT / "docs" / "citing.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    title = "trading-env: Gymnasium environments in which execution is the dynamics"
    assert title in citation and f"{{{title}}}" in page
    assert f"version = {{{PROJECT['version']}}}" in page


def test_the_source_archive_holds_what_the_wheel_leaves_out(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    repository = [ROOT / "train.py", ROOT / ".ci" / "run", ROOT / "CITATION.cff"]
    for folder in ("agents", "benchmarks", "scripts", "tests"):
        repository += (ROOT / folder).rglob("*.py")
    assert {str(path.relative_to(ROOT)) for path in repository} <= names


def test_presets_are_found_from_an_empty_folder(
    looks: list[dict[str, object]], installed: Path
) -> None:
    assert looks[0]["file"] == str(installed / "trading_env" / "__init__.py")
    assert PRESETS
    assert set(looks[0]["presets"]) == PRESETS


def test_importing_the_package_imports_no_learner_and_no_plotting(
    looks: list[dict[str, object]],
) -> None:
    assert looks[0]["heavy"] == []


def test_a_warm_import_takes_less_than_a_second(looks: list[dict[str, object]]) -> None:
    # Processor time: it is what an idle machine's clock would show, whatever else runs beside.
    assert min(look["seconds"] for look in looks[1:]) < 1.0


def test_the_version_is_the_same_wherever_it_is_written() -> None:
    version = PROJECT["version"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in citation
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


USED = """
import gymnasium as gym
import trading_env

env = gym.make("trading_env/Portfolio-v0", scenario="flash_crash_2010", detail="full")
observation, info = env.reset(seed=7)
for _ in range(10):
    action = env.action_space.sample()
    observation, reward, terminated, truncated, info = env.step(action)
print(info["equity"], info["risk"]["bound_by"], info["execution"]["shortfall"])
"""
EVALUATED = "evaluate momentum --episodes 2 --scenarios price_shock --length 10 --out"


def core_only(folder: Path) -> Path:
    """Link what the core needs, and what that needs, into a folder: no extra is there."""
    left, seen = [Requirement(text) for text in PROJECT["dependencies"]], set()
    while left:
        found = metadata.distribution(left.pop().name)
        if found.name in seen:
            continue
        seen.add(found.name)
        needed = map(Requirement, found.requires or [])
        left += [r for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
        for top in {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(found.locate_file(top))))
    return folder


@pytest.mark.slow
def test_the_wheel_alone_works_and_writes_nowhere_else(
    installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Core dependencies, a read-only installation, an unwritable HOME, an empty folder.

    The README's first lines run, and the command line evaluates into the folder that it is given.
    Uncompiled: where machine code goes on such a machine is in `tests/core/test_machine_code.py`.
    """
    core, empty, temporary, sealed = map(
        tmp_path_factory.mktemp, ("core", "empty", "temporary", "sealed")
    )
    shutil.copytree(installed, sealed, dirs_exist_ok=True)
    for path in [sealed, *sealed.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    there = sorted(sealed.rglob("*"))
    env = {"PATH": os.environ["PATH"], "HOME": "/dev/null", "TMPDIR": str(temporary)}
    env |= {"PYTHONPATH": os.pathsep.join([str(sealed), str(core_only(core))])}
    env |= {"NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    out = tmp_path_factory.mktemp("out") / "run"
    for command in (["-c", USED], ["-m", "trading_env", *EVALUATED.split(), str(out)]):
        done = subprocess.run(
            [sys.executable, "-S", *command],
            cwd=empty,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-1000:]
        assert done.stdout and "Traceback" not in done.stderr
    assert (out / "evaluation" / "episodes.csv").exists()  # pyarrow is an extra
    assert sorted(sealed.rglob("*")) == there and list(empty.iterdir()) == []
    for path in [sealed, *there]:
        path.chmod(0o755)
