"""The stage of the episode replay: controls, legend and data; `report.js` plays it.

The data are those of `evaluation/replay.json`, put into the page as JSON that no browser takes
for markup.
"""

import json
from typing import Any

from trading_env.report.markup import Markup, element, joined

MARKS = (
    ("price", "M0 6h18", "price; pale: still to come"),
    ("seen", "M6 3l6 6m0-6l-6 6", "price shown, where it is not the true one"),
    ("order", "M9 2.5a3.5 3.5 0 1 0 .01 0z", "order sent, at its decision price"),
    ("buy", "M9 0l6 11h-12z", "buy"),
    ("sell", "M9 11l6 -11h-12z", "sell"),
    ("exit", "M9 0l5.5 5.5-5.5 5.5-5.5-5.5z", "exit by stop, target or margin call"),
    ("stop", "M0 6h18", "stop"),
    ("target", "M0 6h18", "target"),
    ("shock", "M0 0h18v12h-18z", "scenario event"),
    ("halt", "M0 0h18v12h-18z", "halt"),
    ("impact", "M0 6h18", "own impact: close against the same episode without the orders"),
)


def stage(episodes: Any) -> Markup:
    """Write the replay of recorded episodes, or nothing where there are none."""
    if not episodes:
        return Markup()
    names = [f"{e['policy']}, {e['scenario']}, seed {e['seed']}" for e in episodes]
    options = [element("option", name, value=number) for number, name in enumerate(names)]
    play = element("button", "Play", type="button", id="play")
    slider = element(
        "input", type="range", id="step", min="0", value="0", aria_label="step of the episode"
    )
    controls = element(
        "div",
        element("label", "Episode ", element("select", *options, id="episode")),
        element("label", "Asset ", element("select", id="asset")),
        element("span", play, slider, class_="slide"),
        element("output", id="moment"),
        class_="controls",
    )
    key = [element("li", _mark(look, path), text) for look, path, text in MARKS]
    # No "<" inside a script element, whatever a name holds; JSON reads the escape as the sign.
    content = json.dumps(episodes, separators=(",", ":")).replace("<", "\\u003c")
    return joined(
        element(
            "p", "Decided at the close of one bar, filled in the next: the table is of one step."
        ),
        controls,
        element("div", id="stage"),
        element("ul", *key, class_="key"),
        element("div", element("table", id="ledger"), class_="scroll"),
        element("noscript", element("p", "The replay needs JavaScript.")),
        element("script", Markup(content), type="application/json", id="episodes"),
    )


def _mark(look: str, path: str) -> Markup:
    """A sign of the legend, drawn as on the stage."""
    drawn = element("path", d=path, class_=look)
    return element("svg", drawn, viewBox="-1 -1 20 14", width=20, height=14, aria_hidden="true")
