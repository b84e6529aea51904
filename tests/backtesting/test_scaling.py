"""What is done on Ray survives what happens to Ray: killed workers, signals, a stopped cluster.

`ray stop` sends SIGTERM to every Ray process that it finds on a machine, the raylet first; the
tests send it to those of their own Ray alone.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.figures import figure
from trading_env.envs.spaces import ObservationLayout
from trading_env.policies.baselines import Constant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ray,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is missing: execution-gym[ray]"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are not in /proc"),
]
COMMAND = [
    *(
        "backtest",
        f"{__name__}:Slow",
        "--market",
        '{"generator": "multiscale", "paths": 2, "bars": 400}',
    ),
    *("--windows", "train=100,test=50,embargo=5", "--scenarios", "calm,bad_data"),
    *("--episodes", "1", "--seed", "3", "--json"),
]
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}  # of a cluster
KILLS, CELLS = 5, 200
MANY = [part.replace('"bars": 400', '"bars": 1360') for part in COMMAND]  # windows for all of them
PATIENCE_S = 240.0


class Slow(Constant):
    """Takes its time, so that there is a middle to be stopped in."""

    def __init__(self, layout: ObservationLayout) -> None:
        super().__init__(layout, 0.5)

    def reset(self, num_envs: int) -> None:
        super().reset(num_envs)
        time.sleep(1.0)


def started(out: Path, *more: str, cells: list[str] = COMMAND) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "trading_env", *cells, "--out", str(out), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **TOKEN},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def done(out: Path, *more: str, cells: list[str] = COMMAND) -> str:
    process = started(out, *more, cells=cells)
    printed, said = process.communicate()
    assert process.returncode == 0, said[-500:]
    return printed


def kept(out: Path) -> dict[str, bytes]:
    folder = out / "evaluation" / "cells"
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*.json")}


def wait_for(is_so: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)


def processes() -> dict[int, tuple[int, str]]:
    """Return process -> its parent and its command line."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            found[int(path.name)] = parent, (path / "cmdline").read_bytes().decode(errors="replace")
        except (OSError, ValueError):
            continue
    return found


def children(of: int, named: str) -> list[int]:
    return [pid for pid, (parent, args) in processes().items() if parent == of and named in args]


def cells_at_work(driver: int) -> list[int]:
    """Return the workers of a driver's own Ray that have a cell in hand."""
    return [pid for raylet in children(driver, "raylet") for pid in children(raylet, "ray::_task")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run without Ray, and what it printed."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    return out, done(out)


def same(out: Path, whole: Path) -> bool:
    tables = [
        [(run / "evaluation" / name).read_bytes() for name in ("episodes.parquet", "summary.json")]
        for run in (out, whole)
    ]
    return tables[0] == tables[1] and kept(out) == kept(whole)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_files_and_output_are_those_of_a_run_without_ray(
    workers: int, whole: tuple[Path, str], tmp_path: Path
) -> None:
    assert done(tmp_path / "run", "--workers", str(workers)) == whole[1]
    assert same(tmp_path / "run", whole[0])


def test_killed_workers_lose_no_cell_and_repeat_none(tmp_path: Path) -> None:
    """While cells that take their time are played: there is a worker to kill at any moment."""
    whole, out = tmp_path / "whole", tmp_path / "run"
    wanted = done(whole, cells=MANY)
    assert len(kept(whole)) == CELLS
    process = started(out, "--workers", "2", cells=MANY)
    killed: set[int] = set()
    while len(killed) < KILLS and process.poll() is None:
        pids = [pid for pid in cells_at_work(process.pid) if pid not in killed]
        if pids and len(kept(out)) >= 8 * len(killed):
            os.kill(pids[0], signal.SIGKILL)
            killed.add(pids[0])
        time.sleep(0.05)
    printed, said = process.communicate()
    assert process.returncode == 0, said[-500:]
    assert len(killed) == KILLS and printed == wanted and same(out, whole)
    counts = json.loads((out / "manifest.json").read_text())["cells"]
    assert counts["played"] == counts["total"] == CELLS
    figure(f"{KILLS} workers killed, {CELLS} cells, each once, the bytes of a run without Ray")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_one_line_and_it_goes_on(
    number: signal.Signals, whole: tuple[Path, str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = started(out, "--workers", "2")
    wait_for(lambda: len(kept(out)) >= 3, process)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == 128 + number
    assert said.splitlines()[-1] == "error: interrupted" and "Traceback" not in said
    assert json.loads((out / "manifest.json").read_text())["status"] == "interrupted"
    goes_on(out, whole)


def goes_on(out: Path, whole: tuple[Path, str], *more: str) -> None:
    before = len(kept(out))
    assert 0 < before < len(kept(whole[0]))
    assert done(out, *more) == whole[1] and same(out, whole[0])
    assert json.loads((out / "manifest.json").read_text())["cells"]["kept"] == before
    assert not list(out.rglob(".*"))


def test_a_ray_that_is_stopped_is_one_line_and_the_run_goes_on(
    whole: tuple[Path, str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = started(out, "--workers", "2")
    wait_for(lambda: len(kept(out)) >= 3, process)
    stop(children(process.pid, "/ray/"))
    _, said = process.communicate()
    assert process.returncode == 1 and "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "run it again to go on" in errors[0]
    goes_on(out, whole)


def stop(ray: list[int]) -> None:
    """End the processes of a Ray as `ray stop` does: the raylet first, what it reports to last."""
    known = processes()
    raylets = [pid for pid in ray if "raylet/raylet" in known[pid][1]]
    for group in (raylets, [pid for pid in ray if pid not in raylets]):
        for pid in group:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 10.0
        while any("ray" in processes().get(pid, (0, ""))[1] for pid in group):
            time.sleep(0.05)
            if time.monotonic() > deadline:
                for pid in group:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)


class Head:
    """The head node of a cluster of this machine."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    @property
    def address(self) -> str:
        import ray

        return f"{ray.util.get_node_ip_address()}:{self.port}"

    def start(self) -> None:
        options = ["--head", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats"]
        where = [f"--port={self.port}", f"--temp-dir={self.folder}"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *options, *where]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **TOKEN}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-500:]

    def stop(self) -> None:
        stop([pid for pid, (_, args) in processes().items() if f"{self.folder}/" in args])


@pytest.fixture
def head() -> Iterator[Head]:
    found = Head()
    try:
        found.start()
        yield found
    finally:
        found.stop()
        shutil.rmtree(found.folder, ignore_errors=True)


def test_a_cluster_whose_head_is_begun_anew(
    head: Head, whole: tuple[Path, str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = started(out, "--ray", head.address)
    wait_for(lambda: len(kept(out)) >= 3, process)
    head.stop()
    _, said = process.communicate()
    assert process.returncode == 1 and "run it again to go on" in said
    head.start()
    goes_on(out, whole, "--ray", head.address)


def test_no_cluster_at_the_address_is_one_line(tmp_path: Path) -> None:
    """By the command; `test_engine.py` has every way to write an address."""
    out = tmp_path / "run"
    process = started(out, "--ray", "127.0.0.1:1")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2 and "error: ray = '127.0.0.1:1': no cluster answers" in said
    assert "Traceback" not in said
