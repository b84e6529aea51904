"""What is read from outside is a regular file."""

import os
from pathlib import Path

import pytest

from trading_env.core.doors import read_file
from trading_env.core.errors import UserError


def test_a_device_or_a_folder_is_no_file(tmp_path: Path) -> None:
    """One that ends at once, so that reading it would be seen and not felt."""
    (tmp_path / "device").symlink_to(os.devnull)
    for path in (tmp_path / "device", tmp_path):
        with pytest.raises(UserError, match=path.name):
            read_file(path)


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    assert read_file(tmp_path / "file") == b"content"
