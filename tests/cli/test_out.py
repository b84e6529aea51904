"""A place that `--out` names and that cannot be written to is refused before anything is played."""

from pathlib import Path

import pytest

from tests.cli.refusals import refusal

FILE_AS_FOLDER = (
    ("evaluate", "flat"),
    ("backtest", "flat"),
    ("benchmark", "--track", "all"),
    ("audit", "nothing"),
)


@pytest.mark.parametrize("command", FILE_AS_FOLDER)
@pytest.mark.parametrize("name", ["afile", "afile/below", "link"])
def test_an_out_that_is_a_file_or_below_one_is_named_before_anything_is_played(
    command: tuple[str, ...], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "afile").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    out = tmp_path / name / "record.json" if command[0] == "audit" else tmp_path / name
    told = refusal(capsys, *command, "--out", str(out))
    held = name.split("/")[0]
    assert told.startswith("error: out = ")
    assert told.endswith(f"{held}: is not a folder; give the name of one, or of a new one")
    assert (tmp_path / "afile").read_text() == "mine"


def test_a_record_that_would_replace_a_folder_is_refused_before_the_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refusal(capsys, "audit", "nothing", "--out", str(tmp_path))
    assert told.startswith("error: out = ") and told.endswith(": is a folder; name a file")
