#pragma once

#include <string_view>

// The page around the boxes, edges and steps of walkthrough(): they are written between the two parts.

namespace xgrad::explain {

inline constexpr std::string_view walkthrough_head = R"page(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Forward and back</title><style>
body { font: 15px/1.5 "DejaVu Sans", Helvetica, sans-serif; margin: 0; color: #222; display: flex; height: 100vh; }
#side { width: 34em; flex: none; padding: 1em; overflow: auto; border-right: 1px solid #ccc; box-sizing: border-box; }
#graph { flex: auto; overflow: auto; }
button { font-size: 1.2em; padding: .1em .8em; } #count { margin-left: 1em; color: #777; }
#equation { font-size: 1.25em; margin: .7em 0 .2em; min-height: 1.6em; } #remark { color: #777; min-height: 1.5em; }
#numbers { background: #f6f6f6; padding: .6em; min-height: 6em; overflow: auto; font-size: 12px; }
#list { border-collapse: collapse; width: 100%; } #list td { padding: .05em .5em; cursor: pointer; white-space: pre-wrap; }
#list tr.now { background: #ffe08a; } #list tr.later { color: #bbb; } #list td.title { color: #777; cursor: default; }
rect { fill: white; stroke: #888; rx: 6px; } g.parameter rect { fill: #ffe9a8; } g.data rect { fill: #cfe3f7; }
g.later { opacity: .3; } g.now rect { stroke: #d08000; stroke-width: 3px; } g.used rect { stroke: #2060c0; stroke-width: 2px; }
path { fill: none; stroke: #999; } path.now { stroke: #d08000; stroke-width: 2px; }
text { font-size: 12px; } .small { white-space: pre; font-size: 10px; fill: #666; font-family: monospace; } .back { fill: #a03020; }
</style></head><body>
<div id="side"><button id="previous">◀</button> <button id="next">▶</button><span id="count"></span>
<div id="equation"></div><div id="remark"></div><pre id="numbers"></pre><table id="list"></table></div>
<div id="graph"></div>
<script>
)page";

inline constexpr std::string_view walkthrough_tail = R"page(
const width = 150, height = 92, across = 205, down = 112;
const ofName = Object.fromEntries(boxes.map(box => [box.name, box]));
const base = name => name.replace(/^∂/, "");
const svgNamespace = "http://www.w3.org/2000/svg";
function make(tag, attributes, parent, text) {
  const element = document.createElementNS(svgNamespace, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}
const columns = Math.max(...boxes.map(box => box.column)) + 1, rows = Math.max(...boxes.map(box => box.row)) + 1;
const svg = make("svg", {width: columns * across + 40, height: rows * down + 40}, document.getElementById("graph"));
for (const box of boxes) [box.x, box.y] = [20 + box.column * across, 20 + box.row * down];
const lines = edges.map(([from, to]) => {
  const [a, b] = [ofName[from], ofName[to]];
  if (!a || !b) return null;
  const [x1, y1, x2, y2] = [a.x + width, a.y + height / 2, b.x, b.y + height / 2];
  const path = make("path", {d: `M${x1},${y1} C${x1 + 40},${y1} ${x2 - 40},${y2} ${x2},${y2}`}, svg);
  return {from, to, path};
}).filter(line => line);
for (const box of boxes) {
  box.group = make("g", {class: box.kind}, svg);
  box.group.onclick = () => {
    const parts = steps.slice(0, now + 1).filter(step => base(step.name) === box.name);
    document.getElementById("numbers").textContent = box.numbers
      ? box.name + "\n" + box.numbers : parts.map(step => step.name + "\n" + step.numbers).join("\n");
  };
  make("rect", {x: box.x, y: box.y, width, height, rx: 6}, box.group);
  make("text", {x: box.x + 8, y: box.y + 16, "font-weight": "bold"}, box.group, box.name);
  make("text", {x: box.x + width - 8, y: box.y + 16, "text-anchor": "end", class: "small"}, box.group, box.shape);
  box.values = [0, 1, 2].map(i => make("text", {x: box.x + 8, y: box.y + 32 + 11 * i, class: "small"}, box.group));
  box.back = [0, 1].map(i => make("text", {x: box.x + 8, y: box.y + 70 + 11 * i, class: "small back"}, box.group));
}
function show(texts, numbers, sign) {
  const parts = numbers.split("\n");
  texts.forEach((text, i) => {
    let part = parts[i] || "";
    if (sign && part && i === 0) part = sign + part;
    text.textContent = part.length > 22 ? part.slice(0, 21) + "…" : part;
  });
}
const list = document.getElementById("list");
let pass = null;
steps.forEach((step, i) => {
  if (pass !== step.backward) {
    const title = list.insertRow().insertCell();
    title.textContent = step.backward ? "backward" : "forward";
    title.className = "title";
    pass = step.backward;
  }
  step.row = list.insertRow();
  step.row.insertCell().textContent = step.name + " = " + step.value;
  step.row.onclick = () => go(i);
});
let now = 0;
function go(to) {
  now = Math.max(0, Math.min(steps.length - 1, to));
  const step = steps[now];
  document.getElementById("count").textContent =
    `step ${now + 1} of ${steps.length}, ${step.backward ? "backward" : "forward"}` + (m ? `, m = ${m}` : "");
  document.getElementById("equation").textContent = `${step.name} = ${step.value}   ${step.shape}`;
  document.getElementById("remark").textContent = step.remark;
  document.getElementById("numbers").textContent = step.name + "\n" + step.numbers;
  steps.forEach((other, i) => other.row.className = i === now ? "now" : i > now ? "later" : "");
  step.row.scrollIntoView({block: "nearest"});
  const done = new Set(steps.slice(0, now + 1).map(other => other.name));
  const current = step.backward ? base(step.name) : step.name;
  const used = new Set(step.uses.map(name => ofName[name] ? name : base(name)));
  for (const box of boxes) {
    const isGiven = box.kind !== "value";
    const isDone = isGiven || done.has(box.name);
    box.group.setAttribute("class", [box.kind, isDone ? "" : "later", box.name === current ? "now" : "",
                                     used.has(box.name) && box.name !== current ? "used" : ""].join(" "));
    const forward = steps.find(other => !other.backward && other.name === box.name);
    show(box.values, isGiven ? box.numbers : isDone && forward ? forward.numbers : "");
    const back = steps.find(other => other.backward && other.name === "∂" + box.name);
    show(box.back, back && done.has(back.name) ? back.numbers : "", "∂ ");
    if (box.name === current) box.group.scrollIntoView({block: "nearest", inline: "nearest"});
  }
  for (const line of lines) {
    const isNow = step.backward ? line.from === current && used.has(line.to) : line.to === current;
    line.path.setAttribute("class", isNow ? "now" : "");
  }
}
document.getElementById("previous").onclick = () => go(now - 1);
document.getElementById("next").onclick = () => go(now + 1);
document.addEventListener("keydown", event => {
  if (event.key === "ArrowRight") go(now + 1);
  if (event.key === "ArrowLeft") go(now - 1);
});
go(location.hash ? Number(location.hash.slice(1)) - 1 : 0);
</script></body></html>
)page";

}  // namespace xgrad::explain
