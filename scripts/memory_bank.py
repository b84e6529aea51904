"""Keep the memory bank true: append a decision, draw the map of rooms, check that it is current.

    python scripts/memory_bank.py decide "question" --decision ... --why ... --gave-up ... \
        --reverse-if ...
    python scripts/memory_bank.py map
    python scripts/memory_bank.py check

The map is the part of `memory-bank/architecture.md` between two markers: one row a room, made from
the rooms' docstrings and their import statements, read without importing anything. Which room may
import which is the contract in `pyproject.toml`, checked by `lint-imports`. The functions take the
repository's root, so that a test can plant a fault in a copy.
"""

import argparse
import ast
import datetime
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "trading_env"
BESIDE = ("agents", "benchmarks", "train.py")  # rooms outside the package
BEGIN = "<!-- map of rooms: made by `python scripts/memory_bank.py map`; edit the code instead -->"
END = "<!-- end of the map of rooms -->"
DECISION_FIELDS = ("decision", "why", "gave_up", "reverse_if")


class MemoryBankError(ValueError):
    """One line that says what is wrong in the memory bank and how to mend it."""


def rooms(root: Path) -> dict[str, Path]:
    """Find every room: its name in imports -> its folder, or its file."""
    inside = sorted(path.parent for path in (root / PACKAGE).glob("*/__init__.py"))
    found = {f"{PACKAGE}.{path.name}": path for path in inside}
    beside = (root / name for name in BESIDE)
    return found | {path.stem: path for path in beside if path.exists()}


def parsed(room: Path) -> dict[Path, ast.Module]:
    """Parse every file of a room; its front page first."""
    files = [room] if room.is_file() else [room / "__init__.py", *sorted(room.rglob("*.py"))]
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}


def room_of(module: str, names: dict[str, Path]) -> str | None:
    """Name the room that a module is in."""
    return next((name for name in names if f"{module}.".startswith(f"{name}.")), None)


def imported(trees: dict[Path, ast.Module]) -> set[str]:
    """List the modules that a room's files import anywhere, inside functions included."""
    found: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def room_map(root: Path) -> str:
    """Draw the table: room, first line of its docstring, the rooms it imports."""
    found = rooms(root)
    rows = ["| room | what it is | imports |", "| --- | --- | --- |"]
    for name, room in found.items():
        trees = parsed(room)
        what = (ast.get_docstring(next(iter(trees.values()))) or "").partition("\n")[0]
        below = {room_of(module, found) for module in imported(trees)} - {name, None}
        shown = ", ".join(sorted(str(other).removeprefix(f"{PACKAGE}.") for other in below))
        rows.append(f"| `{name}` | {what} | {shown} |")
    return "\n".join(rows)


def with_map(page: str, table: str) -> str:
    """Put the table between the markers of a page."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise MemoryBankError("memory-bank/architecture.md: the markers of the map are missing.")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def redraw(root: Path) -> None:
    """Write the map of rooms into memory-bank/architecture.md."""
    page = root / "memory-bank" / "architecture.md"
    page.write_text(with_map(page.read_text(encoding="utf-8"), room_map(root)), encoding="utf-8")


def check(root: Path) -> None:
    """Refuse a memory bank whose map is not the one the code gives."""
    page = (root / "memory-bank" / "architecture.md").read_text(encoding="utf-8")
    if page != with_map(page, room_map(root)):
        raise MemoryBankError(
            "memory-bank/architecture.md: the map of rooms is stale; "
            "run `python scripts/memory_bank.py map`."
        )


def decide(root: Path, question: str, answers: dict[str, str]) -> int:
    """Append a decision to memory-bank/decisionLog.md and return its number."""
    log = root / "memory-bank" / "decisionLog.md"
    text = log.read_text(encoding="utf-8").rstrip("\n")
    number = 1 + max((int(n) for n in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)), default=0)
    lines = [f"## {number}. {one_line(question)}", ""]
    lines.append(f"- Date: {datetime.date.today().isoformat()}")
    for field in DECISION_FIELDS:
        lines.append(f"- {field.replace('_', ' ').capitalize()}: {one_line(answers[field])}")
    log.write_text("\n".join([text, "", *lines, ""]), encoding="utf-8")
    return number


def one_line(text: str) -> str:
    """Fold white space, so that an entry keeps one line a field."""
    return " ".join(text.split())


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("map", help="draw the map of rooms again")
    commands.add_parser("check", help="exit 1 when the map is stale")
    entry = commands.add_parser("decide", help="append a decision")
    entry.add_argument("question")
    for field in DECISION_FIELDS:
        entry.add_argument(f"--{field.replace('_', '-')}", required=True)
    return parser.parse_args(arguments)


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Run one command; 0 when all is well, 1 with one line on stderr when it is not."""
    chosen = parse(arguments)
    try:
        if chosen.command == "map":
            redraw(root)
        elif chosen.command == "check":
            check(root)
        else:
            print(f"decision {decide(root, chosen.question, vars(chosen))}")
    except MemoryBankError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
