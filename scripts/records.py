"""The README's figures, from recorded results; nothing in them is typed by hand.

    python scripts/records.py RUN_DIR    # record a finished run of train.py

Recorded are `benchmarks/results/train.json` (a run's summary and manifest), the run's two
pictures in `docs/images/`, and `benchmarks/results/throughput.json`. `scripts/docs.py` writes them
into the README.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from trading_env.report import terminal_sections, text_table  # noqa: E402 -- needs the path above

RESULTS = ROOT / "benchmarks" / "results"
PICTURES = ("episode.png", "equity.png")
SHOWN = "held-out scenarios"


def training_part() -> str:
    """Tables of the recorded run, and where they come from."""
    recorded = read("train.json")
    summary, manifest = recorded["summary"], recorded["manifest"]
    sections = [s for s in terminal_sections(summary) if s.title.startswith(SHOWN)]
    tables = "\n\n".join(text_table(section) for section in sections)
    notes = "\n".join(f"- {note}" for note in summary["notes"])
    minutes = recorded["minutes"]
    verdict = "\n".join(recorded["verdict"])
    return (
        f"`{manifest['command']}`, commit {manifest['git']['commit'][:10]}, seed "
        f"{manifest['seeds']['training']}, {minutes} minutes on two cores:\n\n"
        f"```text\n{tables}\n\n{verdict}\n```\n\n{notes}"
    )


def throughput_part() -> str:
    """Table of the recorded speeds."""
    recorded = read("throughput.json")
    lines = [
        f"`{recorded['command']}`, commit {recorded['commit']}, {recorded['machine']}, one "
        "thread; a drawn scenario is one of all presets in each episode:",
        "",
        "| lanes | assets | scenario | env-steps a second, median | best | slowest | reset, us |",
        "| ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {r['lanes']:,} | {r['assets']} | {r['scenario']} | {r['median']:,} | {r['best']:,} "
        f"| {r['slowest']:,} | {r['reset_us']} |"
        for r in recorded["rows"]
    ]
    return "\n".join(lines)


def read(name: str) -> dict[str, Any]:
    """Read a recorded result."""
    found: dict[str, Any] = json.loads((RESULTS / name).read_text(encoding="utf-8"))
    return found


def compact(value: Any, indent: str = "\n") -> str:
    """Write JSON with one line for each list or mapping that holds no other."""
    children = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list) or not any(isinstance(c, dict | list) for c in children):
        return json.dumps(value)
    names = (
        [f"{json.dumps(key)}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    )
    begin, end = "{}" if isinstance(value, dict) else "[]"
    inner = f"{indent} "
    lines = [f"{inner}{n}{compact(c, inner)}" for n, c in zip(names, children, strict=True)]
    return f"{begin}{','.join(lines)}{indent}{end}"


def take(folder: Path) -> None:
    """Record a finished run of train.py."""
    from datetime import datetime

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if manifest["status"] != "finished":
        raise SystemExit(f"{folder}: its status is {manifest['status']!r}, not 'finished'")
    summary = json.loads((folder / "evaluation" / "summary.json").read_text(encoding="utf-8"))
    took = datetime.fromisoformat(manifest["end"]) - datetime.fromisoformat(manifest["start"])
    recorded = {
        "minutes": round(took.total_seconds() / 60.0, 1),
        "verdict": json.loads((folder / "verdict.json").read_text(encoding="utf-8"))["verdict"],
        "manifest": manifest,
        "summary": summary,
    }
    (RESULTS / "train.json").write_text(compact(recorded) + "\n", encoding="utf-8")
    for picture in PICTURES:
        shutil.copyfile(folder / picture, ROOT / "docs" / "images" / picture)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit((__doc__ or "").strip())
    take(Path(sys.argv[1]))
