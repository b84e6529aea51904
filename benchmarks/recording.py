"""How a benchmark leaves its figures: stamped, in a record, from which its page is written."""

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from trading_env.core.files import write_bytes

ROOT = Path(__file__).resolve().parent.parent
Record = Mapping[str, Any]


def commit() -> str:
    """Name the commit, with + when the tree differs from it."""
    try:
        shown = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return shown.stdout.strip()


def processor() -> str:
    """Name the processor as the system does."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {os.cpu_count()} cores" if names else platform.machine()


def stamped(command: str, begin: datetime, **figures: Any) -> dict[str, Any]:
    """Name what figures depend on: command, commit, time and machine."""
    return {
        "command": command,
        "commit": commit(),
        "date": begin.isoformat(timespec="seconds"),
        "machine": processor(),
        "seconds": round((datetime.now(UTC) - begin).total_seconds()),
        **figures,
    }


def save(record: Record, path: Path) -> None:
    """Write a record."""
    write_bytes(path, (json.dumps(record, indent=1) + "\n").encode())


def renew(path: Path, key: str, row: Record) -> None:
    """Put a row in the place of the one with the same key; a record of parts measured apart."""
    known = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    others = [other for other in known if other[key] != row[key]]
    save({"rows": sorted([*others, row], key=lambda each: str(each[key]))}, path)


def table(header: Sequence[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """Lay a table out in Markdown; a colon after a heading aligns its column to the right."""
    marks = ["---:" if name.endswith(":") else "---" for name in header]
    lines = [[name.removesuffix(":") for name in header], marks, *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines]


class Page(NamedTuple):
    """A page of the documentation that is written from a benchmark's record."""

    benchmark: str
    title: str
    doc: str | None  # of the benchmark: all but its first two paragraphs stand on the page
    name: str  # of the page

    @property
    def record(self) -> Path:
        """Path of the record."""
        return ROOT / "benchmarks" / "results" / f"{self.benchmark}.json"

    @property
    def path(self) -> Path:
        """Path of the page."""
        return ROOT / "docs" / f"{self.name}.md"

    @property
    def picture(self) -> Path:
        """Path of the picture of a page that has one."""
        return ROOT / "docs" / "images" / f"{self.name}.png"

    def head(self, record: Record, more: str = "", findings: Sequence[str] = ()) -> list[str]:
        """Return the lines that say what the page is, where from, and how it was measured."""
        return [
            f"# {self.title}",
            "",
            f"Written by `python -m benchmarks.{self.benchmark} --write` from "
            f"`{self.record.name}`: `{record['command']}`, commit {record['commit']}, "
            f"{record['machine']}{more}.",
            "",
            *([*findings, ""] if findings else []),
            *(self.doc or "").split("\n\n", 2)[2].strip().splitlines(),
            "",
        ]

    def writer(
        self, page: Callable[[Record], str], draw: Callable[[Record], None] | None = None
    ) -> Callable[[], None]:
        """Return what writes the page, and its picture, from the record."""

        def write() -> None:
            record = json.loads(self.record.read_text(encoding="utf-8"))
            self.path.write_text(page(record), encoding="utf-8")
            if draw is not None:
                draw(record)

        return write


def measure_or_write(
    parser: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], Record],
    page: Callable[[Record], str],
    write: Callable[[], None],
) -> int:
    """Measure, print the page and keep the record where `--out` says; or, with `--write`, write."""
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    parser.add_argument("--write", action="store_true", help="write the page from the record")
    chosen = parser.parse_args()
    if chosen.write:
        write()
        return 0
    record = measure(chosen)
    print(page(record))
    if chosen.out:
        save(record, chosen.out)
    return 0


def measure_section(
    parser: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], Record],
    section: Callable[[Record], list[str]],
) -> int:
    """The same for a section of `docs/learning.md`, which `benchmarks.learning --write` writes."""

    def write() -> None:
        raise SystemExit("the page is written by python -m benchmarks.learning --write")

    return measure_or_write(parser, measure, lambda record: "\n".join(section(record)), write)
