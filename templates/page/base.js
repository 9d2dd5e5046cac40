"use strict";
// What all views use: the data, elements, numbers as text, and which layer is chosen.

const data = JSON.parse(document.getElementById("data").textContent);
const { model, layers, nodes, graph, parity, times } = data;
const boxes = graph.boxes;

/** An element with attributes and children; text is text, never markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** The same for SVG. */
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const round = (value, digits) => String(Number(value.toPrecision(digits)));

function quantity(n) {
  for (const [unit, size] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ])
    if (n >= size) return `${round(n / size, 3)} ${unit}`;
  return String(n);
}

function bytes(n) {
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ])
    if (n >= size) return `${round(n / size, 3)} ${unit}`;
  return `${n} B`;
}

function duration(ns) {
  for (const [unit, size] of [
    ["s", 1e9],
    ["ms", 1e6],
    ["µs", 1e3],
  ])
    if (ns >= size) return `${round(ns / size, 3)} ${unit}`;
  return `${round(ns, 3)} ns`;
}

/** A number as JSON has it: one that is not finite is text. */
function real(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  return value === 0 ? "0" : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6 ? round(value, 4) : value.toExponential(2);
}

const percent = (share) => `${round(100 * share, share < 0.1 ? 2 : 3)} %`;
const shape = (axes) => (axes === null || axes === undefined ? "–" : `[${axes.map((d) => (d === null ? "?" : d)).join(", ")}]`);
const colour = (kind, alpha = 1) => `rgb(${graph.kinds[kind].colour.join(" ")} / ${alpha})`;

// -- what was measured of each layer ------------------------------------------------------------------------

const valuesOf = new Map();
for (const value of parity ? parity.nodes : []) {
  if (!valuesOf.has(value.node)) valuesOf.set(value.node, []);
  valuesOf.get(value.node).push(value);
}
/** The values that a layer's nodes compute, each compared by itself. */
const compared = (layer) => layer.nodes.flatMap((place) => valuesOf.get(place) || []);
/** The last of them, which the layer hands out. */
const result = (layer) => compared(layer).at(-1);

const timed = Boolean(times && times.layers);
const own = (k) => (timed && times.layers[k] !== undefined ? times.layers[k] : null);
const theirs = (k) => (timed && times.onnxruntime[k] !== undefined ? times.onnxruntime[k] : null);

const feeds = boxes.map(() => []);
const feedBy = boxes.map(() => []);
for (const [from, to] of graph.pairs) {
  feeds[from].push(to);
  feedBy[to].push(from);
}

// -- the chosen layer ---------------------------------------------------------------------------------------

const state = { chosen: -1, listeners: [] };

function onChoice(listener) {
  state.listeners.push(listener);
}

/** Chooses a box (-1: none); `reveal` also brings it into sight. */
function choose(k, reveal = true) {
  state.chosen = k;
  for (const listener of state.listeners) listener(k, reveal);
  if (k >= 0) document.getElementById("said").textContent = boxes[k].lines.join(", ");
}

/** A button that leads to a box. */
function link(k) {
  return make("button", { class: "link", type: "button", onclick: () => choose(k) }, boxes[k].lines[0]);
}
