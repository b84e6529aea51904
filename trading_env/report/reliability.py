"""How far a run can be trusted and repeated: what its manifest says, and what it does not."""

from typing import Any

from trading_env.report.markup import Markup, element, joined


def reliability(manifest: dict[str, Any] | None) -> Markup:
    """Write a manifest as a list of checks, its hashes, and everything in it."""
    if not manifest:
        return Markup()
    checks = [
        element("li", element("b", "ok " if good else "note "), text, class_=_look(good))
        for good, text in _checks(manifest)
    ]
    whole = element("details", element("summary", "Everything in the manifest"), _facts(manifest))
    return joined(element("ul", *checks, class_="checks"), whole)


def _look(good: bool) -> str:
    return "good" if good else "warn"


def _checks(manifest: dict[str, Any]) -> list[tuple[bool, str]]:
    """Say of each thing that a repetition needs whether it is there."""
    status = str(manifest.get("status", "unknown"))
    git = manifest.get("git") or {}
    commit, dirty = git.get("commit"), git.get("dirty")
    found = [(status == "finished", f"Status: {status}.")]
    if commit is None:
        found.append((False, "Commit: unknown; the code that ran cannot be named."))
    else:
        state = "with uncommitted changes" if dirty else "clean"
        found.append((not dirty, f"Commit: {str(commit)[:10]}, {state}."))
    seeds = manifest.get("seeds") or {}
    text = ", ".join(f"{name} {value}" for name, value in seeds.items())
    found.append((bool(seeds), f"Seeds: {text or 'not recorded'}."))
    if isinstance(seeds.get("training"), int):
        text = "One training seed: the intervals speak of episodes, not of other trainings."
        found.append((False, text))
    versions = manifest.get("versions") or {}
    text = ", ".join(f"{name} {value}" for name, value in versions.items())
    found.append((bool(versions), f"Versions: {text or 'not recorded'}."))
    return [*found, *_hashes(manifest.get("environment") or {})]


def _hashes(environment: dict[str, Any]) -> list[tuple[bool, str]]:
    """Fingerprints of the data and of the scenarios, of one environment or of each policy's."""
    played = [environment] if "market" in environment else list(environment.values())
    found: dict[str, bool] = {}
    for each in played or [{}]:
        market = each.get("market") or {}
        digest = market.get("sha256")
        data = f"Data: {market.get('source', 'unknown')}, SHA-256 {digest or 'not recorded'}."
        found[data] = bool(digest)
        for scenario in each.get("scenarios") or []:
            digest = scenario.get("sha256")
            found[f"Scenario {scenario.get('name')}: SHA-256 {digest}."] = bool(digest)
    return [(is_there, text) for text, is_there in found.items()]


def _facts(content: dict[str, Any]) -> Markup:
    """Write a manifest as one flat table of names and values."""
    rows: list[Markup] = []

    def walk(value: Any, name: str) -> None:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                walk(item, f"{name}.{key}" if name else str(key))
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append(element("tr", element("th", name, scope="row"), element("td", shown)))

    walk(content, "")
    table = element("table", element("tbody", *rows), class_="facts")
    return element("div", table, class_="scroll")
