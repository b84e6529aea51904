"""How far a run can be trusted and repeated: what its manifest records, and what it does not."""

from collections.abc import Iterator
from typing import Any

from trading_env.report.folder import Environment, Manifest


def checks(manifest: Manifest) -> list[tuple[bool, str]]:
    """Return for each thing that a repetition needs whether it is recorded, and a sentence."""
    found = [(manifest.status == "finished", f"Status: {manifest.status}.")]
    commit, dirty = manifest.git.commit, manifest.git.dirty
    if commit is None:
        found.append((False, "Commit: not recorded; the code that ran is unknown."))
    else:
        state = "with uncommitted changes" if dirty else "clean"
        found.append((not dirty, f"Commit: {commit[:10]}, {state}."))
    for title, values in (("Seeds", manifest.seeds), ("Versions", manifest.versions)):
        text = ", ".join(f"{name} {value}" for name, value in values.items())
        found.append((bool(values), f"{title}: {text or 'not recorded'}."))
    if isinstance(manifest.seeds.get("training"), int):
        text = "One training seed: the intervals are about episodes, not about other trainings."
        found.append((False, text))
    return [*found, *_hashes(manifest.environment)]


def _hashes(played: Environment | dict[str, Environment]) -> Iterator[tuple[bool, str]]:
    """Yield the fingerprints of data and scenarios, each once."""
    each = [played] if isinstance(played, Environment) else list(played.values())
    if not each:
        yield False, "Data: not recorded."
    sources = [("Data", environment.market) for environment in each]
    sources += [("Scenario", scenario) for e in each for scenario in e.scenarios]
    lines = {
        f"{kind}: {source.name or source.source or 'unnamed'}, "
        f"SHA-256 {source.sha256 or 'not recorded'}.": source.sha256 is not None
        for kind, source in sources
    }
    yield from ((is_there, text) for text, is_there in lines.items())


def facts(manifest: Manifest) -> list[tuple[str, str]]:
    """Return everything in a manifest as names and values, as in environment.market.source."""
    return list(_leaves("", manifest.model_dump(exclude_unset=True)))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        value = dict(enumerate(value))
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(f"{name}.{key}" if name else str(key), item)
    else:
        yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
