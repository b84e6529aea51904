"""Write the generated parts of the pages: tables of what the code declares, recorded figures.

    python scripts/docs.py write
    python scripts/docs.py check    # fail when a page differs from the code

A table stands between two markers, `<!-- NAME: written by ... -->` and `<!-- end NAME -->`.
"""

import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pydantic import BaseModel  # noqa: E402 -- our own modules need the path above
from pydantic.fields import FieldInfo  # noqa: E402

from benchmarks.recording import table  # noqa: E402
from scripts.records import (  # noqa: E402
    reliability_part,
    scaling_part,
    throughput_part,
    training_part,
)
from scripts.results import results_part, tracks_part  # noqa: E402
from trading_env.core.codes import BoundBy, Factor, Fault, names_of  # noqa: E402
from trading_env.envs.spaces import feature_table  # noqa: E402
from trading_env.execution_engine.config import ExecutionConfig  # noqa: E402
from trading_env.execution_engine.funds import AccountConfig  # noqa: E402
from trading_env.markets.reading.published import BARE, WITH_HEADER  # noqa: E402
from trading_env.markets.reading.settings import ReadingSettings  # noqa: E402
from trading_env.risk_manager.config import RiskConfig  # noqa: E402
from trading_env.step.config import ParentConfig, RewardConfig  # noqa: E402
from trading_env.step.look_back import FrameFeature, WindowFeature  # noqa: E402
from trading_env.step.observation import (  # noqa: E402
    AccountFeature,
    AssetFeature,
    ParentFeature,
)
from trading_env.step.reward import Term  # noqa: E402
from trading_env.stress.events import KINDS, Base  # noqa: E402
from trading_env.stress.scenario import load_preset, preset_names  # noqa: E402


def default_of(field: FieldInfo) -> str:
    """Show a default as a user would write it."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    value = getattr(default, "name", default)  # codes go by their names
    if isinstance(value, str):
        value = value.lower() if value is not default else value
        return f'`"{value}"`'
    return f"`{value}`"


def meaning_of(field: FieldInfo) -> str:
    """Return a field's description on one line."""
    return " ".join((field.description or "").split())


def settings(kind: type[BaseModel]) -> str:
    """Describe every setting of a class."""
    rows = [
        (f"`{name}`", default_of(field), meaning_of(field))
        for name, field in kind.model_fields.items()
    ]
    return "\n".join(table(("key", "default", "meaning"), rows))


def event_keys() -> str:
    """Describe the keys that every event has."""
    kinds = ("`kind`", "required", "One of those below.")
    own = [(f"`{n}`", default_of(f), meaning_of(f)) for n, f in Base.model_fields.items()]
    return "\n".join(table(("key", "default", "meaning"), [kinds, *own]))


def event_kinds() -> str:
    """Describe what each kind of event does, and the keys it has beside the common ones."""
    rows: list[tuple[Any, ...]] = []
    for name, kind in KINDS.items():
        rows.append((f"`{name}`", "", (kind.__doc__ or "").partition("\n")[0]))
        for key, field in kind.model_fields.items():
            if key not in Base.model_fields and key != "kind":
                star = "*" if key in kind.sizes else ""
                rows.append(("", f"`{key}`{star}", meaning_of(field)))
    return "\n".join(table(("kind", "key", "meaning"), rows))


def presets() -> str:
    """List the scenarios that come with the package."""
    rows = [(f"`{n}`", " ".join(load_preset(n).description.split())) for n in preset_names()]
    return "\n".join(table(("preset", "what happens"), rows))


def shapes() -> str:
    """Show an example of each shape of file."""
    parts = []
    for shape in (*WITH_HEADER, *BARE):
        note = f": {shape.note}" if getattr(shape, "note", "") else ""
        parts.append(f"**{shape.name}**{note}\n\n```text\n{shape.example.strip()}\n```\n")
    return "\n" + "\n".join(parts)


def listed(names: Iterable[str]) -> str:
    """List names on lines of a page's width."""
    words = " ".join(f"`{name}`," for name in names)
    return textwrap.fill(f"{words[:-1]}.", 100)


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"training": training_part, "throughput": throughput_part},
    "docs/portfolio.md": {
        "features": lambda: feature_table(AssetFeature),
        "account features": lambda: feature_table(AccountFeature),
        "window features": lambda: feature_table(WindowFeature),
        "frame features": lambda: feature_table(FrameFeature),
        "reasons": lambda: listed(names_of(BoundBy)[1:]),
        "multipliers": lambda: listed(names_of(Factor)),
        "faults": lambda: listed(names_of(Fault)[1:]),
        "terms": lambda: listed(names_of(Term)),
        "counts of reasons": lambda: listed(f"bound_{name}" for name in names_of(BoundBy)[1:]),
        "risk": lambda: settings(RiskConfig),
        "execution": lambda: settings(ExecutionConfig),
        "account": lambda: settings(AccountConfig),
        "reward": lambda: settings(RewardConfig),
    },
    "docs/data.md": {
        "settings": lambda: settings(ReadingSettings),
        "shapes": shapes,
    },
    "docs/reliability.md": {"what holds": reliability_part},
    "docs/execution.md": {
        "features": lambda: feature_table(ParentFeature),
        "parent": lambda: settings(ParentConfig),
    },
    "docs/scaling.md": {"scaling": scaling_part},
    "docs/tracks.md": {"tracks": tracks_part},
    "docs/results.md": {"results": results_part},
    "docs/scenarios.md": {
        "keys of every event": event_keys,
        "kinds of event": event_kinds,
        "presets": presets,
    },
}


def replaced(text: str, name: str, content: str) -> str:
    """Return a page with one generated part renewed.

    Raises:
        SystemExit: the page lacks the markers.
    """
    begin = f"<!-- {name}: written by `python scripts/docs.py write` -->"
    end = f"<!-- end {name} -->"
    head, _, rest = text.partition(begin)
    _, found, tail = rest.partition(end)
    if not found:
        raise SystemExit(f"the markers of {name!r} are missing")
    return f"{head}{begin}\n{content}\n{end}{tail}"


def main(argv: list[str]) -> int:
    """Write or check every page."""
    if argv not in (["write"], ["check"]):
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    stale = []
    for page, parts in PAGES.items():
        path = ROOT / page
        text = written = path.read_text(encoding="utf-8")
        for name, content in parts.items():
            written = replaced(written, name, content())
        if written != text:
            stale.append(page)
            if argv == ["write"]:
                path.write_text(written, encoding="utf-8")
    if argv == ["check"] and stale:
        print(f"stale: {', '.join(stale)}; run `python scripts/docs.py write`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
