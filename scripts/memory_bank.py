"""Keep the memory bank true: append a decision, draw the module map, check that it is current.

    python scripts/memory_bank.py decide "question" --decision ... --why ... --gave-up ... \
        --reverse-if ...
    python scripts/memory_bank.py map
    python scripts/memory_bank.py check

The map is the part of `memory-bank/architecture.md` between two markers. It is made from the code
(docstrings and import statements, read without importing anything) and from
`memory-bank/floors.toml`. The functions take the repository's root, so that a test can plant a
fault in a copy.
"""

import argparse
import ast
import datetime
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("trading_env", "agents", "benchmarks")
PROGRAMS = ("train.py",)
BEGIN = "<!-- module map: made by `python scripts/memory_bank.py map`; edit the code instead -->"
END = "<!-- end of the module map -->"
DECISION_FIELDS = ("decision", "why", "gave_up", "reverse_if")


class MemoryBankError(ValueError):
    """One line that says what is wrong in the memory bank and how to mend it."""


def modules(root: Path) -> dict[str, Path]:
    """Find every module that must have a floor: dotted name → file."""
    files = [path for folder in FOLDERS for path in (root / folder).rglob("*.py")]
    files += [root / program for program in PROGRAMS if (root / program).exists()]
    return {module_name(path.relative_to(root)): path for path in sorted(files)}


def module_name(path: Path) -> str:
    """Turn a file's path from the root into the name it is imported by."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, known: set[str]) -> set[str]:
    """List the modules of ours that a file imports anywhere, inside functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name` means the module `package.name` where there is one.
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [member if member in known else node.module for member in members]
        else:
            continue
        found.update(known.intersection(names))
    return found


def import_graph(root: Path) -> dict[str, set[str]]:
    """Map every module to the modules of ours that it imports."""
    files = modules(root)
    return {name: imports(path, set(files)) for name, path in files.items()}


def floors(root: Path) -> dict[str, int]:
    """Read the floor of every module; refuse a module that has none, or two."""
    table = tomllib.loads((root / "memory-bank" / "floors.toml").read_text(encoding="utf-8"))
    levels: dict[str, int] = {}
    for floor in table["floor"]:
        for name in floor["modules"]:
            if name in levels:
                raise MemoryBankError(f"memory-bank/floors.toml: {name} stands on two floors.")
            levels[name] = floor["level"]
    for name in modules(root):
        if name not in levels:
            raise MemoryBankError(
                f"memory-bank/floors.toml: no floor for {name}; add it to the list of its floor."
            )
    return levels


def module_map(root: Path) -> str:
    """Draw the table: floor, module, first line of its docstring, what of ours it imports."""
    levels, graph, files = floors(root), import_graph(root), modules(root)
    rows = ["| floor | module | what it is | imports |", "| --- | --- | --- | --- |"]
    for name in sorted(files, key=lambda name: (levels[name], name)):
        docstring = ast.get_docstring(ast.parse(files[name].read_text(encoding="utf-8"))) or ""
        what = docstring.partition("\n")[0].replace("|", "\\|")
        below = ", ".join(sorted(other.removeprefix("trading_env.") for other in graph[name]))
        rows.append(f"| {levels[name]} | `{name}` | {what} | {below} |")
    return "\n".join(rows)


def with_map(page: str, table: str) -> str:
    """Put the table between the markers of a page."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise MemoryBankError("memory-bank/architecture.md: the markers of the map are missing.")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def redraw(root: Path) -> None:
    """Write the module map into memory-bank/architecture.md."""
    page = root / "memory-bank" / "architecture.md"
    page.write_text(with_map(page.read_text(encoding="utf-8"), module_map(root)), encoding="utf-8")


def check(root: Path) -> None:
    """Refuse a memory bank whose map is not the one the code gives."""
    page = (root / "memory-bank" / "architecture.md").read_text(encoding="utf-8")
    if page != with_map(page, module_map(root)):
        raise MemoryBankError(
            "memory-bank/architecture.md: the module map is stale; "
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
    commands.add_parser("map", help="draw the module map again")
    commands.add_parser("check", help="exit 1 when the map is stale or a module has no floor")
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
