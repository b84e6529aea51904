"""Figures of the pages, from recorded results; nothing in them is typed by hand.

    python scripts/records.py RUN_DIR    # record a finished run of train.py, of both tasks

Recorded are `benchmarks/results/train.json` (of each task the verdict, the command and the
versions), two pictures in `docs/images/`, and
`benchmarks/results/throughput.json`. `scripts/docs.py` writes them into the README, and what
`benchmarks/reliability.py` and others recorded into `docs/reliability.md`.
"""

import json
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import scaling  # noqa: E402 -- our own modules need the path above
from benchmarks.recording import table  # noqa: E402
from trading_env.backtesting.tracks.benchmark import trainings_in  # noqa: E402
from trading_env.core.files import write_bytes  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
Cells = tuple[str, str, str]  # command, figure, result
TASKS = ("portfolio", "execution")
IMAGES = ROOT / "docs" / "images"
PICTURED = "liquidity_drought"  # of the portfolio's scenarios


def training_part() -> str:
    """Verdicts of the recorded run, and where they come from."""
    parts = []
    for task, recorded in read("train.json").items():
        commands = " and ".join(f"`{command}`" for command in recorded["commands"])
        count = recorded["trainings"]
        many = f"{count} trainings" if count > 1 else "1 training"
        parts.append(
            f"{task.capitalize()}: {commands}, commit {recorded['commit']}, {many}. "
            + " ".join(recorded["notes"])
            + "\n\n```text\n"
            + "\n".join(recorded["verdict"])
            + "\n```"
        )
    return "\n\n".join(parts)


def throughput_part() -> str:
    """Table of the recorded speeds."""
    recorded = read("throughput.json")
    lines = [
        f"`{recorded['command']}`, commit {recorded['commit']}, {recorded['machine']}, one "
        "thread; a drawn scenario is one of all presets in each episode:",
        "",
    ]
    heads = ["lanes:", "assets:", "scenario", "env-steps a second, median:", "best:", "slowest:"]
    rows = (
        [f"{r['lanes']:,}", r["assets"], r["scenario"]]
        + [f"{r[name]:,}" for name in ("median", "best", "slowest")]
        + [r["reset_us"], r["over_floor"] or "-"]
        for r in recorded["rows"]
    )
    return "\n".join(lines + table([*heads, "reset, us:", "times its floor:"], rows))


def reliability_part() -> str:
    """Table of the claims of `benchmarks/reliability.toml`, with what their commands showed."""
    path = RESULTS.parent / "reliability.toml"
    claims = tomllib.loads(path.read_text(encoding="utf-8"))["claim"]
    recorded = {row["id"]: row for row in read("reliability.json")["rows"]}
    rows: list[Sequence[str]] = []
    for claim in claims:
        shown = [_not_shown(claim)]
        if claim["id"] in recorded:
            shown = [_shown(recorded[claim["id"]])]
        elif (RESULTS / claim.get("record", "")).is_file():
            shown = SHOWN_BY[claim["record"]](read(claim["record"]))
        for number, cells in enumerate(shown):
            what = f"**{claim['id']}**: {claim['what']}" if number == 0 else ""
            rows.append([what, *cells])
    return "\n".join(table(["what", "command", "figure", "result"], rows))


def _not_shown(claim: Mapping[str, Any]) -> Cells:
    return (
        _command(claim["command"]) if "command" in claim else "",
        "",
        claim.get("not_shown", "not on record yet"),
    )


def _shown(row: Mapping[str, Any]) -> Cells:
    result = "holds" if row["holds"] else "FAILS"
    return _command(row["command"]), "; ".join(row["figures"]), f"{result} {_when(row)}"


def _when(row: Mapping[str, Any]) -> str:
    return f"({row['commit']}, {row['date'][:10]})"


def _command(command: str) -> str:
    return f"`{command}`".replace("|", "\\|")


def _fuzz(record: Mapping[str, Any]) -> list[Cells]:
    return [
        (
            _command(row["command"]),
            f"{row['kind']}: {row['mutations']:,} mutations, {row['taken']:,} taken, "
            f"{row['refused']:,} refused in one line, {row['uncaught']} uncaught; slowest "
            f"{row['slowest_s']} s, largest {row['largest_mib']} MiB"
            + (f" ({row['note']})" if "note" in row else ""),
            f"{'FAILS' if row['uncaught'] else 'holds'} {_when(row)}",
        )
        for row in record["rows"]
    ]


def _endurance(record: Mapping[str, Any]) -> list[Cells]:
    rows = []
    for row in record["rows"]:
        grown = ", ".join(f"{name} {value:+g}" for name, value in row["growth"].items())
        result = "holds" if row["flat"] else "FAILS"
        figure = f"{row['haul']}: {row['times']:,} times: {grown}"
        rows.append((_command(row["command"]), figure, f"{result} {_when(row)}"))
    return rows


def _mutants(record: Mapping[str, Any]) -> list[Cells]:
    killed = sum(row["verdict"] == "killed" for row in record["rows"])
    count = len(record["rows"])
    result = "holds" if killed == count else "FAILS"
    return [
        (_command(record["command"]), f"{killed} of {count} killed", f"{result} {_when(record)}")
    ]


def _trainings(record: Mapping[str, Any]) -> list[Cells]:
    return [
        (
            " and ".join(map(_command, task["commands"])),
            f"{name}: {task['trainings']} trainings",
            f"holds ({task['commit']})",
        )
        for name, task in record.items()
    ]


SHOWN_BY: dict[str, Callable[[Mapping[str, Any]], list[Cells]]] = {
    "fuzz.json": _fuzz,
    "endurance.json": _endurance,
    "mutants.json": _mutants,
    "train.json": _trainings,
}


def scaling_part() -> str:
    """What Ray costs and brings, where it was measured on a machine that nobody else used."""
    command = "`python -m benchmarks.scaling --out benchmarks/results/scaling.json`"
    if not (RESULTS / "scaling.json").is_file():
        return f"Not on record yet: {command}, on a machine that nobody else uses."
    found = read("scaling.json")
    about = f"{command}, commit {found['commit']}, {found['machine']}"
    return f"{about}:\n\n```text\n{scaling.page(found)}\n```"


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
    recorded = {task: task_record(folder / task) for task in TASKS}
    write_bytes(RESULTS / "train.json", (compact(recorded) + "\n").encode())
    shutil.copyfile(trainings(folder / "execution")[0] / "episode.png", IMAGES / "episode.png")
    draw_equity(trainings(folder / "portfolio")[0])


def draw_equity(run: Path) -> None:
    """Draw the kept curves of a run, its own policy first."""
    from trading_env.envs.render import save_equity_curves
    from trading_env.report.folder import CURVES, read_curves

    curves = read_curves(run / CURVES)
    if curves is None:
        raise SystemExit(f"{run / CURVES}: not found")
    shown = curves[curves["scenario"] == PICTURED].groupby("policy", sort=False)
    found: dict[str, Any] = {str(name): rows for name, rows in shown if name != "random"}
    order = dict.fromkeys([next(iter(found)), "buy_and_hold", *found])
    title = f"Scenario {PICTURED}: medians"
    save_equity_curves({name: found[name] for name in order}, IMAGES / "equity.png", title=title)


def trainings(folder: Path) -> list[Path]:
    """Return the run folders of one task."""
    return [*trainings_in(folder).values()] or [folder]


def task_record(folder: Path) -> dict[str, Any]:
    """Read what the README says of one task."""
    manifests = []
    for run in trainings(folder):
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        if manifest["status"] != "finished":
            raise SystemExit(f"{run}: its status is {manifest['status']!r}, not 'finished'")
        manifests.append(manifest)
    summary = json.loads(
        (trainings(folder)[0] / "evaluation" / "summary.json").read_text(encoding="utf-8")
    )
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))["verdict"]
    return {
        "commands": list(dict.fromkeys(manifest["command"] for manifest in manifests)),
        "commit": manifests[-1]["git"]["commit"][:10],
        "versions": manifests[-1]["versions"],
        "trainings": len(manifests),
        "notes": summary["notes"],
        "verdict": verdict,
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit((__doc__ or "").strip())
    take(Path(sys.argv[1]))
