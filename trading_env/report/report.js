"use strict";
// Sorting of the scores and the episode replay. Names and values enter the page as text, never as
// markup; the URL holds the selection (#sort=sharpe&step=17). Nothing is fetched.

const chosen = () => new URLSearchParams(location.hash.slice(1));

function remember(name, value) {
  const values = chosen();
  values.set(name, value);
  history.replaceState(null, "", `#${values}`);
}

// ------------------------------------------------------------------------------- scores

function sortScores(table, key) {
  // "sharpe" puts the largest first, "-sharpe" the smallest; undefined values stay at the end.
  const name = key.replace(/^-/, "");
  const headers = [...table.tHead.rows[0].cells];
  const column = headers.findIndex((header) => header.dataset.key === name);
  if (column < 0) return;
  const rising = key.startsWith("-");
  const body = table.tBodies[0];
  const order = new Intl.Collator(undefined, { numeric: true });
  const compared = (one, other) => {
    const [a, b] = [one, other].map((row) => row.cells[column].dataset.value);
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    const size = isNaN(a) || isNaN(b) ? order.compare(b, a) : b - a;
    return rising ? -size : size;
  };
  body.append(...[...body.rows].sort(compared));
  for (const header of headers) header.removeAttribute("aria-sort");
  headers[column].setAttribute("aria-sort", rising ? "ascending" : "descending");
}

function setUpScores() {
  const tables = document.querySelectorAll(".sortable");
  const choice = document.getElementById("scenario");
  if (!choice) return;
  const show = () => {
    const { sort, scenario } = Object.fromEntries(chosen());
    if (scenario !== undefined) choice.value = scenario;
    for (const table of tables) {
      if (sort) sortScores(table, sort);
      for (const row of table.tBodies[0].rows) {
        row.hidden = choice.value !== "" && row.dataset.scenario !== choice.value;
      }
    }
  };
  for (const table of tables) {
    table.tHead.addEventListener("click", (event) => {
      const header = event.target.closest("th");
      if (!header) return;
      const falling = header.getAttribute("aria-sort") === "descending";
      remember("sort", (falling ? "-" : "") + header.dataset.key);
      show();
    });
  }
  choice.addEventListener("change", () => (remember("scenario", choice.value), show()));
  addEventListener("hashchange", show);
  show();
}

// ------------------------------------------------------------------------------- drawing

const SVG = "http://www.w3.org/2000/svg";

function draw(parent, name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) found.push(v);
  return found.map((v) => Number(v.toPrecision(8)));
}

// A panel: a strip of the stage with its own scale of values.
function panel(title, values, top, height) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.06 * (high - low) || 0.01 * Math.abs(high) || 1;
  low -= room;
  high += room;
  const y = (value) => top + height * (1 - (Math.min(Math.max(value, low), high) - low) / (high - low));
  return { title, low, high, top, height, y };
}

const line = (points) => (points.length ? "M" + points.map((p) => p.map((v) => v.toFixed(1)).join(" ")).join("L") : "");

// ------------------------------------------------------------------------------- replay

const LEFT = 58, RIGHT = 10; // pixels
const PRICE = 250, SMALL = 80, GAP = 34;
const LEDGER = [
  ["decision_price", "price at the decision"], ["signal", "signal"], ["confidence", "confidence"],
  ["target", "target position, units"], ["bound_by", "bound by"], ["intended", "intended, units"],
  ["sent", "sent, units"], ["filled", "filled, units"], ["price", "price of fills, or close"],
  ["working", "still working, units"], ["status", "status"], ["exit", "exit"],
  ["latency_s", "latency, s"], ["position", "position, units"], ["stop_loss", "stop"],
  ["take_profit", "target"], ["delay", "cost of delay, money"], ["spread", "cost of spread, money"],
  ["impact", "cost of impact, money"], ["fees", "fees, money"],
  ["opportunity", "cost of what was not filled, money"], ["shortfall", "cost in all, money"], ["own_impact_bps", "own impact on price, bps"],
];

class Stage {
  constructor(episode, asset, box) {
    const width = Math.max(box.clientWidth, 280);
    this.reach = width < 600 ? 7 : 11; // half the width of the largest fill
    this.rows = episode.time.length;
    this.asset = asset;
    this.x = (row) => LEFT + ((width - LEFT - RIGHT) * row) / Math.max(this.rows - 1, 1);
    this.equity = episode.equity.map((value) => 100 * (value / episode.equity[0] - 1));
    this.largest = Math.max(...asset.filled.map(Math.abs), 1e-300);
    const fills = asset.price.filter((_, row) => asset.filled[row] !== 0);
    let top = 20;
    const strip = (title, values, height) => {
      const made = panel(title, values, top, height);
      top += height + GAP;
      return made;
    };
    this.price = strip(`${asset.symbol}, price in money a unit`, [...asset.close, ...fills], PRICE);
    this.impact = strip("own impact on price, bps", [0, ...asset.own_impact_bps], SMALL);
    this.account = strip("equity, % of start", [0, ...this.equity], SMALL);
    box.replaceChildren();
    const root = draw(box, "svg", { viewBox: `0 0 ${width} ${top}`, height: top, role: "img", "aria-label": `replay of ${asset.symbol}` });
    this.background(root, episode, width, top - GAP);
    this.moving = draw(root, "g", {});
  }

  background(root, episode, width, bottom) {
    for (const [look, spans] of [["shock", this.asset.events], ["halt", this.asset.halts]]) {
      for (const [first, last] of spans) {
        const from = this.x(Math.max(first - 1, 0));
        draw(root, "rect", { class: look, x: from, width: this.x(last) - from, y: 20, height: bottom - 20 });
      }
    }
    for (const p of [this.price, this.impact, this.account]) {
      draw(root, "text", { x: 0, y: p.top - 8, class: "heading" }, p.title);
      for (const value of ticks(p.low, p.high, p.height / 20)) {
        const y = p.y(value);
        draw(root, "line", { class: value === 0 ? "axis" : "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y });
        draw(root, "text", { class: "end", x: LEFT - 6, y: y + 4 }, String(value));
      }
    }
    const marks = Math.max(2, Math.floor((width - LEFT) / 130));
    for (let mark = 0; mark <= marks; mark++) {
      const row = Math.round(((this.rows - 1) * mark) / marks);
      const look = mark === 0 ? "" : mark === marks ? "end" : "middle";
      draw(root, "text", { class: look + " soft", x: this.x(row), y: bottom + 16 }, episode.time[row].slice(0, 10));
    }
    draw(root, "path", { class: "future", d: this.path(this.price, this.asset.close, this.rows) });
  }

  path(p, values, until) {
    return line(values.slice(0, until).map((value, row) => [this.x(row), p.y(value)]));
  }

  show(step) {
    const group = this.moving;
    group.replaceChildren();
    this.levels(group, "stop", this.asset.stop_loss.slice(0, step));
    this.levels(group, "target", this.asset.take_profit.slice(0, step));
    for (let row = 1; row <= step; row++) this.marks(group, row);
    draw(group, "path", { class: "price", d: this.path(this.price, this.asset.close, step + 1) });
    for (let row = 1; row <= step; row++) this.fill(group, row);
    draw(group, "path", { class: "impact", d: this.path(this.impact, this.asset.own_impact_bps, step + 1) });
    this.drawdown(group, step);
    draw(group, "path", { class: "equity", d: this.path(this.account, this.equity, step + 1) });
    const x = this.x(step);
    draw(group, "line", { class: "cursor", x1: x, x2: x, y1: 20, y2: this.account.top + this.account.height });
  }

  // One line for each run of rows with the same level: in force until the next row.
  levels(group, look, values) {
    const p = this.price;
    for (let first = 0, row = 1; row <= values.length; row++) {
      if (values[row] === values[first]) continue;
      const level = values[first];
      if (level > p.low && level < p.high) {
        draw(group, "path", { class: look, d: line([[this.x(first), p.y(level)], [this.x(row), p.y(level)]]) });
      }
      first = row;
    }
  }

  // What the feed showed, and the order, of one row.
  marks(group, row) {
    const { asset, price: p } = this;
    if (asset.seen_close[row] !== asset.close[row]) {
      const [x, y] = [this.x(row), p.y(asset.seen_close[row])];
      draw(group, "path", { class: "seen", d: `M${x - 3} ${y - 3}l6 6m0-6l-6 6` });
    }
    if (asset.sent[row] !== 0) {
      const place = { cx: this.x(row - 1), cy: p.y(asset.decision_price[row]), r: 3.5 };
      draw(group, "circle", { class: "order", ...place });
    }
  }

  // A triangle, or a diamond where the risk manager traded, whose area grows with the quantity.
  fill(group, row) {
    const quantity = this.asset.filled[row];
    if (quantity === 0) return;
    const [x, y] = [this.x(row), this.price.y(this.asset.price[row])];
    const r = Math.max(3, this.reach * Math.sqrt(Math.abs(quantity) / this.largest));
    const up = quantity > 0 ? 1 : -1;
    const isExit = this.asset.exit[row] !== "none";
    const shape = isExit ? `M${x} ${y - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`
      : `M${x} ${y - up * r}l${r} ${2 * up * r}h${-2 * r}z`;
    const look = isExit ? "exit" : up > 0 ? "buy" : "sell";
    const mark = draw(group, "path", { class: look, d: shape });
    draw(mark, "title", {}, `step ${row}: ${quantity} at ${this.asset.price[row]}`);
  }

  drawdown(group, step) {
    let peak = -Infinity;
    const peaks = this.equity.slice(0, step + 1).map((value) => (peak = Math.max(peak, value)));
    const back = this.equity.slice(0, step + 1).map((value, row) => [this.x(row), this.account.y(value)]).reverse();
    draw(group, "path", { class: "loss", d: line([...peaks.map((value, row) => [this.x(row), this.account.y(value)]), ...back]) + "z" });
  }
}

const shown = (value) => typeof value !== "number" ? value
  : value.toLocaleString("en", Math.abs(value) < 1000 ? { maximumSignificantDigits: 6 } : { maximumFractionDigits: 2 });
const money = (value) => value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 1000 ? 2 : 0 });

function showLedger(table, assets, step) {
  const row = (parent, cells, tag) => {
    const line = parent.insertRow();
    cells.forEach((text, column) => {
      const cell = document.createElement(column === 0 ? "th" : tag);
      cell.textContent = text;
      line.append(cell);
    });
  };
  table.replaceChildren();
  row(table.createTHead(), [`step ${step}`, ...assets.map((asset) => asset.symbol)], "th");
  const body = table.createTBody();
  for (const [name, title] of LEDGER) row(body, [title, ...assets.map((asset) => shown(asset[name][step]))], "td");
}

function setUpReplay() {
  const data = document.getElementById("episodes");
  if (!data) return;
  const episodes = JSON.parse(data.textContent);
  const [box, table, moment, play, slider, episodeChoice, assetChoice] =
    ["stage", "ledger", "moment", "play", "step", "episode", "asset"].map((id) => document.getElementById(id));
  let episode, stage, timer;

  const show = () => {
    const step = Number(slider.value);
    stage.show(step);
    showLedger(table, episode.assets, step);
    moment.textContent = `step ${step} of ${slider.max}, bar of ${episode.time[step]}, equity ${money(episode.equity[step])}`;
  };
  const load = () => {
    const values = chosen();
    const pick = (name, count) => Math.min(Math.max(Math.trunc(values.get(name)) || 0, 0), count - 1);
    episodeChoice.value = pick("episode", episodes.length);
    episode = episodes[episodeChoice.value];
    assetChoice.replaceChildren(...episode.assets.map((asset, number) => new Option(asset.symbol, number)));
    assetChoice.value = pick("asset", episode.assets.length);
    stage = new Stage(episode, episode.assets[assetChoice.value], box);
    slider.max = episode.time.length - 1;
    slider.value = values.has("step") ? pick("step", episode.time.length) : slider.max;
    show();
  };
  const stop = () => {
    timer = clearInterval(timer);
    play.textContent = "Play";
  };
  const move = (step) => {
    slider.value = step;
    remember("step", slider.value);
    show();
    if (slider.value === slider.max) stop();
  };
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (slider.value === slider.max) move(0);
    play.textContent = "Pause";
    timer = setInterval(() => move(Number(slider.value) + 1), 120);
  });
  slider.addEventListener("input", () => (stop(), move(Number(slider.value))));
  for (const [name, choice] of [["episode", episodeChoice], ["asset", assetChoice]]) {
    choice.addEventListener("change", () => (stop(), remember(name, choice.value), load()));
  }
  addEventListener("hashchange", load);
  addEventListener("resize", load);
  load();
}

// ------------------------------------------------------------------------------- paper

addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});

setUpScores();
setUpReplay();
