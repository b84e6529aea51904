"""Play somebody new: a fresh clone, a fresh environment, the commands of README and tutorials.

    python scripts/newcomer.py            # the first minutes: install, compile, first picture
    python scripts/newcomer.py --all      # then the rest of README, the tutorials, the notebook

Prints the seconds of each, and of the first words on either stream. Machine code is compiled anew.
A command that fails ends it with exit code 1. Training is played with `--quick`; README's last
command, the tests, is left out.
"""

import os
import re
import selectors
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.M | re.S)


class Timed(NamedTuple):
    """A command, the seconds until it said something, and until it ended."""

    command: str
    words: float | None
    seconds: float

    def __str__(self) -> str:
        words = "silent" if self.words is None else f"{self.words:.1f} s"
        return f"{self.seconds:8.1f} s   first words {words:>8}   {self.command}"


def timed(command: str, folder: Path, env: dict[str, str]) -> Timed:
    """Run a command line as a shell does.

    Raises:
        SystemExit: it failed.
    """
    began, words, said = time.monotonic(), None, b""
    merged = subprocess.STDOUT
    process = subprocess.Popen(
        command, shell=True, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=merged
    )
    assert process.stdout is not None
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while chunk := os.read(process.stdout.fileno(), 65536) if ready.select() else b"":
            words = time.monotonic() - began if words is None else words
            said += chunk
    if process.wait():
        print(said.decode(errors="replace")[-3000:])
        raise SystemExit(f"failed: {command}")
    found = Timed(command, words, time.monotonic() - began)
    print(found, flush=True)
    return found


def commands_of(page: Path) -> list[str]:
    """Return the lines of a page's bash blocks, without their comments."""
    text = "".join(BLOCK.findall(page.read_text(encoding="utf-8")))
    return [line.partition("  #")[0].strip() for line in text.splitlines() if line.strip()]


def main(argv: list[str]) -> None:
    """Clone, install, and type what the pages say."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        clone = home / "clone"
        timed(f"git clone --quiet {ROOT} {clone}", home, dict(os.environ))
        venv.create(home / "venv", with_pip=True)
        path = f"{home / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "NUMBA_CACHE_DIR": str(home / "machine code")}
        env.pop("PYTHONPATH", None)
        install, *cold = [part.strip() for part in commands_of(clone / "README.md")[0].split("&&")]
        timed(install, clone, env)
        times = {line: timed(line, clone, env) for line in cold}
        first = commands_of(clone / "README.md")[1]
        timed(f"{first} --scenarios calm,flash_crash_2010 --episodes 8", clone, env)
        timed("trading-env report first", clone, env)
        picture = time.monotonic() - began
        warm = timed("trading-env warm", clone, env)
        if "--all" in argv:
            speaks = rest(clone, home, env)
            print(f"\nfirst words of train.py  {speaks.words or 0.0:.1f} s", end="")
        print(f"\nfirst picture            {picture:.0f} s after the clone began")
        print(f"cold compile             {sum(t.seconds for t in times.values()):.0f} s")
        print(f"warm start               {warm.seconds:.1f} s")


def rest(clone: Path, home: Path, env: dict[str, str]) -> Timed:
    """Train on little, then run README's Python, the tutorials and the notebook.

    Returns:
        How long the training took.
    """
    install, train = (part.strip() for part in commands_of(clone / "README.md")[2].split("&&"))
    timed(f"{install} --quiet", clone, env)
    trained = timed(f"{train} --quick --out quick", clone, env)
    run_page(clone / "README.md", home, env, kinds=("python",))
    tutorials = clone / "docs" / "tutorials"
    for page in sorted(tutorials.glob("*.md")):
        run_page(page, home, env)
    timed("pip install --quiet nbclient ipykernel", clone, env)
    timed("jupyter execute tour.ipynb", tutorials, env)
    return trained


def run_page(
    page: Path, home: Path, env: dict[str, str], kinds: tuple[str, ...] = ("python", "bash")
) -> None:
    """Run a page's blocks in order, in a folder of its own."""
    folder = home / page.stem
    folder.mkdir()
    script = ""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    for number, (kind, text) in enumerate(block for block in blocks if block[0] in kinds):
        if kind == "bash":
            for line in text.splitlines():
                timed(line, folder, env)
        else:  # what came before is run again: a page is one program
            script += text
            (folder / "page.py").write_text(script, encoding="utf-8")
            print(f"{page.stem}, block {number}:", end=" ")
            timed("python page.py", folder, env)


if __name__ == "__main__":
    main(sys.argv[1:])
