"""Build wheel and source archive so that one tree gives the same bytes wherever it is built.

    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) python scripts/build.py DIR

The wheel takes its times from SOURCE_DATE_EPOCH by itself. The source archive does not: here its
members get that time, one owner and one order.
"""

import gzip
import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def settled(archive: Path, seconds: int) -> None:
    """Write a .tar.gz anew, with nothing in it that tells when and by whom it was made."""
    content = BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=content, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.uid, member.gid = seconds, 0, 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    archive.write_bytes(gzip.compress(content.getvalue(), mtime=seconds))


def main(argv: list[str]) -> int:
    """Build into a folder."""
    if len(argv) != 1 or "SOURCE_DATE_EPOCH" not in os.environ:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", argv[0]]
    done = subprocess.run(command, cwd=ROOT, check=False)
    for archive in Path(argv[0]).glob("*.tar.gz"):
        settled(archive, int(os.environ["SOURCE_DATE_EPOCH"]))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
