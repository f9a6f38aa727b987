"""What lets a reader go through a sequence: markup, style, and a little script that loads nothing."""

from __future__ import annotations

__all__ = ["MARKUP", "SCRIPT", "STYLE"]

MARKUP = """<div class="stepper" id="stepper">
<p><label>Sequence <select id="gate-sequence">{options}</select></label>
<label>Layer <select id="gate-layer"></select></label></p>
<p class="track"><button type="button" id="gate-back" aria-label="one step back">◀</button>
<input type="range" id="gate-step" min="0" max="0" value="0" aria-label="step of the sequence">
<button type="button" id="gate-on" aria-label="one step on">▶</button></p>
<p id="gate-now" class="now-step" aria-live="polite"></p>
<div id="gate-words" class="words" aria-hidden="true"></div>
<div class="scroll" tabindex="0" role="group" aria-label="gates of each unit, scrolls sideways on a narrow screen">
<div id="gate-rows"></div></div>
<p class="quiet"><span id="gate-units">A column is a unit</span>; the line to the right is the mean over them at all steps, with
the present one marked. Candidates and h go from -1 to 1 with 0 in the middle.</p>
<noscript><p>This part needs JavaScript, which the browser has switched off. It loads nothing.</p></noscript>
</div>"""

STYLE = """
.stepper { border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; margin-top: 14px; }
.stepper label { display: inline-block; margin: 0 16px 6px 0; }
.stepper select { font: inherit; max-width: min(60vw, 440px); }
.stepper select, .stepper button { background: var(--code); color: var(--ink); border: 1px solid var(--quiet); border-radius: 6px;
  padding: 5px 9px; }
.stepper button { font: inherit; min-width: 44px; min-height: 40px; cursor: pointer; }
.track { display: flex; gap: 10px; align-items: center; max-width: none; }
.track input { flex: 1; min-width: 0; height: 32px; accent-color: var(--forecast); }
.now-step { font-weight: 600; min-height: 1.5em; }
.words { display: flex; flex-wrap: wrap; gap: 2px 4px; margin: 0 0 12px; font: 14px/1.6 ui-monospace, monospace; }
.words span { padding: 0 4px; border-radius: 4px; cursor: pointer; }
.words span.here { background: var(--forecast); color: var(--paper); }
.gate-row { display: flex; align-items: center; gap: 10px; margin: 6px 0; min-width: 560px; }
.gate-row .label { width: 92px; flex: none; font-size: 14px; }
.gate-row svg { min-width: 0; flex: 1; height: 46px; background: var(--code); border-radius: 4px; }
.gate-row svg.over-time { flex: 0 0 190px; }
@media (max-width: 680px) {
  .stepper { padding: 12px 10px; }
  .gate-row { min-width: 0; }
  .gate-row .label { width: 60px; }
  .gate-row svg.over-time { flex: 0 0 84px; }
}
.gate-row rect { fill: var(--forecast); }
.gate-row rect.candidate { fill: var(--truth); }
.gate-row path { stroke: var(--quiet); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.gate-row path.here { stroke: var(--truth); stroke-width: 2; }
"""

SCRIPT = """
const find = (id) => document.getElementById(id);
const sequence = find("gate-sequence"), layer = find("gate-layer"), slider = find("gate-step");
const level = new Map([...data.levels].map((letter, n) => [letter, n / (data.levels.length - 1)]));
const svg = (name, attributes) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  return made;
};
const shown = () => data.sequences[sequence.value].layers[layer.value];
const numbers = (row, t) => [...row.values[t]].map((letter) => level.get(letter));
const mean = (list) => list.reduce((sum, each) => sum + each, 0) / Math.max(list.length, 1);
const written = (number) => number.toFixed(2).replace(/^-0\\.00$/, "0.00");
const real = (row, share) => row.share ? share : (2 * share - 1) * row.scale;

function bars(row, t) {
  const values = numbers(row, t), wide = 100 / values.length;
  const picture = svg("svg", {viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img",
    "aria-label": row.name + ": " + values.map((v) => written(real(row, v))).join(", ")});
  values.forEach((value, n) => {
    const zero = row.share ? 0 : 0.5;
    picture.append(svg("rect", {x: n * wide + wide * 0.1, width: wide * 0.8, y: 40 * (1 - Math.max(value, zero)),
      height: Math.max(0.6, 40 * Math.abs(value - zero)), class: row.share ? "gate" : "candidate"}));
  });
  return picture;
}

function overTime(row, t) {
  const means = row.values.map((_, k) => mean(numbers(row, k))), last = Math.max(means.length - 1, 1);
  const picture = svg("svg", {viewBox: "0 0 100 40", preserveAspectRatio: "none", class: "over-time", "aria-hidden": "true"});
  picture.append(svg("path", {d: "M" + means.map((m, k) => (100 * k / last) + " " + (40 * (1 - m))).join("L")}));
  picture.append(svg("path", {d: "M" + (100 * t / last) + " 0V40", class: "here"}));
  return picture;
}

function draw() {
  const now = shown(), t = Number(slider.value), count = now.steps.length;
  const read = [now.steps[t], now.reads ? now.reads[t] : ""].filter(Boolean).join(", ");
  const said = "step " + (t + 1) + " of " + count + (now.cut ? " shown" : "") + (read && ": " + read);
  find("gate-now").textContent = said;
  slider.setAttribute("aria-valuetext", said);
  [...find("gate-words").children].forEach((word, k) => word.classList.toggle("here", k === t));
  find("gate-rows").replaceChildren(...now.rows.map((row) => {
    const line = document.createElement("div"), label = document.createElement("span");
    line.className = "gate-row";
    label.className = "label";
    label.textContent = row.name + (row.share ? ": " : ": mean ") + written(real(row, mean(numbers(row, t))));
    line.append(label, bars(row, t), overTime(row, t));
    return line;
  }));
}

function choose() {
  const now = shown();
  const some = now.rows[0].values[0].length;
  find("gate-units").textContent = some < now.units ? "A column is a unit, the first " + some + " of " + now.units
    : "A column is one of the " + now.units + " units";
  slider.max = now.steps.length - 1;
  slider.value = Math.min(Number(slider.value), now.steps.length - 1);
  find("gate-words").replaceChildren(...now.steps.map((step, k) => {
    const word = document.createElement("span");
    word.textContent = step || String(k + 1);
    word.onclick = () => { slider.value = k; draw(); };
    return word;
  }));
  draw();
}

function begin() {
  const kept = layer.value;
  layer.replaceChildren(...data.sequences[sequence.value].layers.map((each, n) => new Option(each.place, n)));
  if (kept && layer.options[kept]) layer.value = kept;
  slider.value = 0;
  choose();
}

const move = (by) => { slider.value = Number(slider.value) + by; draw(); };
sequence.onchange = begin;
layer.onchange = choose;
slider.oninput = draw;
find("gate-back").onclick = () => move(-1);
find("gate-on").onclick = () => move(1);
begin();
"""
