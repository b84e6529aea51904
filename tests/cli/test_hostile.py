"""Artefacts that were made to do harm: none is executed, each is one line, bombs stay small.

Each plants a program, a path out of its folder, or far more content than its size, in something
that the command line reads. Memory and time are measured while it is refused.
"""

import base64
import gzip
import io
import json
import os
import pickle
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.fuzz import CLEAR, LARGEST_MIB, SLOWEST_S, memory_mib
from tests.backtesting.test_foreign_run import CONFIG, DESCRIPTION, WEIGHTS, adaptive
from tests.figures import figure
from tests.markets.test_files import GOOD, HEADER
from tests.report import test_folder as run_folder
from trading_env.cli.main import main

ROWS = 5_000_000
Artefact = Callable[[Path], list[str]]


class Harm:
    """A pickle that leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.mark),))


def harmful(folder: Path) -> bytes:
    return pickle.dumps(Harm(folder / "executed"))


def pickle_as_model(folder: Path) -> list[str]:
    (folder / "model.zip").write_bytes(harmful(folder))
    return ["evaluate", str(folder / "model.zip")]


def model_with_code(folder: Path) -> list[str]:
    """The layout of Stable-Baselines3: a zip whose `data` holds pickles."""
    planted = base64.b64encode(harmful(folder)).decode()
    code = {"policy_class": {":type:": "x", ":serialized:": planted}}
    with zipfile.ZipFile(folder / "model.zip", "w") as archive:
        archive.writestr("data", json.dumps(code))
        archive.writestr("policy.pth", harmful(folder))
        archive.writestr("pytorch_variables.pth", harmful(folder))
    return ["evaluate", str(folder / "model.zip")]


def module_in_a_run_folder(folder: Path) -> list[str]:
    """A command on record is no reason to import what it names."""
    run_folder.write(folder / "run")
    (folder / "run" / "planted.py").write_text("import os\nos.mkdir('executed')\n")
    manifest = {
        **{"kind": "evaluate", "status": "finished", "severities": [1.0], "scenarios": {}},
        "command": "trading-env evaluate run.planted:policy --trust",
        **{"seeds": {"first": 0, "episodes": 1}, "policies": {}, "environment": {}},
    }
    (folder / "run" / "manifest.json").write_text(json.dumps(manifest))
    return ["replay", str(folder / "run")]


def pickle_as_description(folder: Path) -> list[str]:
    adaptive(folder)
    (folder / DESCRIPTION).write_bytes(harmful(folder))
    return ["evaluate", str(folder)]


def pickle_as_weights(folder: Path) -> list[str]:
    adaptive(folder)
    (folder / WEIGHTS).write_bytes(harmful(folder))
    return ["evaluate", str(folder)]


def weights(name: str, header: bytes, length: int | None = None, more: bytes = b"") -> Artefact:
    """Safetensors whose header is wrong."""

    def make(folder: Path) -> list[str]:
        adaptive(folder)
        size = struct.pack("<Q", len(header) if length is None else length)
        (folder / WEIGHTS).write_bytes(size + header + more)
        return ["evaluate", str(folder)]

    make.__name__ = f"weights_with_{name}"
    return make


def described(**tensors: list[int]) -> bytes:
    """A header of tensors at the offsets given."""
    return json.dumps(
        {
            name: {"dtype": "F32", "shape": [ends[1] // 4], "data_offsets": ends}
            for name, ends in tensors.items()
        }
    ).encode()


def link_to_a_device(folder: Path) -> list[str]:
    adaptive(folder)
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).symlink_to("/dev/zero")
    return ["evaluate", str(folder)]


def link_to_a_secret(folder: Path) -> list[str]:
    """What a link leads to is no JSON, and is not quoted."""
    run_folder.write(folder / "run")
    (folder / "secret").write_text("password-of-somebody\n" * 3)
    (folder / "run" / run_folder.SUMMARY).unlink()
    (folder / "run" / run_folder.SUMMARY).symlink_to(folder / "secret")
    return ["report", str(folder / "run")]


def folder_that_leads_elsewhere(folder: Path) -> list[str]:
    """Whoever continues a run writes into its folder, and nowhere else."""
    (folder / "precious").mkdir()
    (folder / "run").mkdir()
    (folder / "run" / "evaluation").symlink_to(folder / "precious")
    return ["evaluate", "flat", "--episodes", "1", "--out", str(folder / "run")]


def market_outside(folder: Path) -> list[str]:
    adaptive(folder)
    (folder / "secret").write_text("password-of-somebody\n" * 3)
    (folder / CONFIG).write_text(f'env = "portfolio"\nmarket = "{folder}/run/../secret"\n')
    return ["evaluate", str(folder)]


def archive_that_climbs(folder: Path) -> list[str]:
    """Members of an archive are read where they are: nothing is unpacked to their names."""
    with zipfile.ZipFile(folder / "bars.zip", "w") as archive:
        archive.writestr("../../executed/bars.csv", GOOD.replace("close", "shut"))
        archive.writestr("/etc/executed.csv", GOOD.replace("close", "shut"))
    return ["data", "validate", str(folder / "bars.zip")]


def gzip_bomb(folder: Path) -> list[str]:
    with gzip.open(folder / "bars.csv.gz", "wb", compresslevel=9) as file:
        file.write(GOOD.encode())
        for _ in range(40):
            file.write(b"2020-01-03,11,12,10,11,5\n" * 2**20)
    return ["data", "validate", str(folder / "bars.csv.gz")]


def zip_bomb(folder: Path) -> list[str]:
    with zipfile.ZipFile(folder / "bars.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr(f"{number}.csv", HEADER + "2020-01-03,11,12,10,11,5\n" * 2**22)
    return ["data", "validate", str(folder / "bars.zip")]


def zip_in_zip(folder: Path) -> list[str]:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "0" * 2**24)
    with zipfile.ZipFile(folder / "bars.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", inner.getvalue())
    return ["data", "validate", str(folder / "bars.zip")]


def packed_table(path: Path) -> None:
    """Five million rows of one text of 10,000 letters: 50 GB, in a few kilobytes."""
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    indices = arrow.array([0] * 1000, arrow.int32())
    text = arrow.DictionaryArray.from_arrays(indices, arrow.array(["x" * 10_000]))
    columns = {name: arrow.chunked_array([text] * (ROWS // 1000)) for name in ("time", "close")}
    parquet.write_table(arrow.table(columns), path, store_schema=False)


def parquet_bomb(folder: Path) -> list[str]:
    packed_table(folder / "bars.parquet")
    return ["data", "validate", str(folder / "bars.parquet")]


def parquet_bomb_in_a_run_folder(folder: Path) -> list[str]:
    run_folder.write(folder / "run")
    (folder / "run" / run_folder.CSV).unlink()
    packed_table(folder / "run" / run_folder.PARQUET)
    return ["report", str(folder / "run")]


def deep_json(folder: Path) -> list[str]:
    (folder / "bars.json").write_text("[" * 10_000_000)
    return ["data", "validate", str(folder / "bars.json")]


def deep_toml(folder: Path) -> list[str]:
    (folder / "s.toml").write_text("name = " + "[" * 200_000)
    return ["scenarios", "validate", str(folder / "s.toml")]


ARTEFACTS: list[Artefact] = [
    *(pickle_as_model, model_with_code, module_in_a_run_folder),
    *(pickle_as_description, pickle_as_weights),
    weights("an_endless_header", b"{}", 2**63),
    weights("a_header_beyond_the_file", b"{}", 99 * 2**20),
    weights("a_deep_header", b"[" * 10**6),
    weights("a_tensor_beyond_the_file", described(mean=[0, 2**40])),
    weights("tensors_that_overlap", described(mean=[0, 16], scale=[8, 24]), more=bytes(64)),
    *(link_to_a_device, link_to_a_secret, folder_that_leads_elsewhere, market_outside),
    archive_that_climbs,
    *(gzip_bomb, zip_bomb, zip_in_zip, parquet_bomb, parquet_bomb_in_a_run_folder),
    *(deep_json, deep_toml),
]


@pytest.mark.proof
@pytest.mark.parametrize("make", ARTEFACTS, ids=lambda make: make.__name__)
def test_an_artefact_that_was_made_to_do_harm_is_one_line(
    make: Artefact,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    command = make(tmp_path)
    before_it = sorted(tmp_path.rglob("*"))
    if CLEAR.exists():
        CLEAR.write_text("5")  # the peak begins anew
    before, began = memory_mib("VmRSS"), time.process_time()
    code = main(command)
    seconds, mib = time.process_time() - began, memory_mib("VmHWM") - before
    said = capsys.readouterr()
    assert code == 2
    assert said.err.startswith("error: ") and said.err.count("\n") == 1 and len(said.err) < 220
    assert "password-of-somebody" not in said.err + said.out
    assert sorted(tmp_path.rglob("*")) == before_it  # nothing executed, nothing written
    assert seconds < SLOWEST_S and mib < LARGEST_MIB
    figure(f"{make.__name__}: refused in {seconds:.2f} s and {max(mib, 0.0):.0f} MiB")


def test_a_model_with_code_runs_it_once_it_is_trusted(tmp_path: Path) -> None:
    """The artefact is no blank: --trust is all that keeps it from running."""
    pytest.importorskip("stable_baselines3")
    assert main([*model_with_code(tmp_path), "--trust"]) == 2  # and then it is no model
    assert (tmp_path / "executed").is_dir()


def test_a_report_through_a_link_replaces_the_link_and_not_what_it_leads_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder.write(tmp_path / "run")
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "run" / "report.html").symlink_to(tmp_path / "precious")
    assert main(["report", str(tmp_path / "run")]) == 0
    assert (tmp_path / "precious").read_text() == "kept"
    assert not (tmp_path / "run" / "report.html").is_symlink()


@pytest.mark.proof
def test_text_that_repeats_in_a_parquet_file_is_read(tmp_path: Path) -> None:
    """The limit is on what a file stands for, not on its columns of text."""
    pytest.importorskip("pyarrow")
    path = tmp_path / "bars.parquet"
    times = pd.date_range("2020-01-01", periods=50, freq="D").strftime("%Y-%m-%d")
    frame = pd.DataFrame({"time": times, "symbol": "A", "open": 1.0, "high": 2.0, "low": 0.5})
    frame.assign(close=1.0, volume=5.0).to_parquet(path)
    assert main(["data", "describe", str(path)]) == 0
