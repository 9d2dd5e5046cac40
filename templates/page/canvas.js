// The graph: a canvas that draws what is in sight. Wheel and pinch zoom, dragging moves, keys do both.

const view = { scale: 1, x: 0, y: 0, width: 0, height: 0, dirty: false, colouring: "family", frames: 0, worst: 0 };
const canvas = make("canvas", {
  tabindex: 0,
  role: "application",
  "aria-roledescription": "graph",
  "aria-label":
    "The graph. Arrow keys go along it, plus and minus zoom, 0 shows all, Enter opens the details, Escape closes them.",
});
const extent = boxes.reduce(
  (found, { place: [x, y, w, h] }) => [
    Math.min(found[0], x),
    Math.min(found[1], y),
    Math.max(found[2], x + w),
    Math.max(found[3], y + h),
  ],
  [0, 0, 1, 1],
);
for (const line of graph.lines) {
  const xs = line.points.filter((_, k) => k % 2 === 0),
    ys = line.points.filter((_, k) => k % 2);
  line.box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
const ink = {};

const COLOURINGS = {
  family: null,
  "multiply-adds": (k) => (layers[k] ? layers[k].work : null),
  parameters: (k) => (layers[k] ? layers[k].parameters || 0 : null),
  time: timed ? own : null,
  "time / onnxruntime": timed ? (k) => (own(k) !== null && theirs(k) ? own(k) / theirs(k) : null) : null,
  distance: parity ? (k) => (layers[k] && result(layers[k]) ? Number(result(layers[k]).crate) : null) : null,
};

function readInks() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "card", "ink", "muted", "edge", "skip", "accent", "line", "bad"])
    ink[name] = style.getPropertyValue(`--${name}`).trim();
  refresh();
}

function refresh() {
  if (view.dirty) return;
  view.dirty = true;
  requestAnimationFrame(paint);
}

function fit() {
  const [left, top, right, bottom] = extent;
  const margin = 28;
  view.scale = Math.min(1.2, (view.width - 2 * margin) / (right - left), (view.height - 2 * margin) / (bottom - top));
  view.scale = Math.max(view.scale, 0.005);
  view.x = (left + right) / 2 - view.width / 2 / view.scale;
  view.y = (top + bottom) / 2 - view.height / 2 / view.scale;
  refresh();
}

function zoom(factor, px = view.width / 2, py = view.height / 2) {
  const scale = Math.min(4, Math.max(0.005, view.scale * factor));
  view.x += px / view.scale - px / scale;
  view.y += py / view.scale - py / scale;
  view.scale = scale;
  refresh();
}

/** Brings a box into sight, legible. */
function reveal(k) {
  const [x, y, w, h] = boxes[k].place;
  const left = (x - view.x) * view.scale,
    top = (y - view.y) * view.scale;
  if (view.scale >= 0.45 && left >= 0 && top >= 0 && left + w * view.scale <= view.width && top + h * view.scale <= view.height)
    return;
  view.scale = Math.max(view.scale, 0.8);
  view.x = x + w / 2 - view.width / 2 / view.scale;
  view.y = y + h / 2 - view.height / 2 / view.scale;
}

function paint() {
  const began = performance.now();
  view.dirty = false;
  const ratio = window.devicePixelRatio || 1;
  const pen = canvas.getContext("2d");
  if (canvas.width !== Math.round(view.width * ratio) || canvas.height !== Math.round(view.height * ratio)) {
    canvas.width = Math.round(view.width * ratio);
    canvas.height = Math.round(view.height * ratio);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = ink.paper;
  pen.fillRect(0, 0, view.width, view.height);
  pen.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, -view.x * view.scale * ratio, -view.y * view.scale * ratio);
  const sight = [view.x, view.y, view.x + view.width / view.scale, view.y + view.height / view.scale];
  const near = new Set(state.chosen < 0 ? [] : [state.chosen, ...feedBy[state.chosen]]);
  for (const [skips, strong] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])
    paintLines(pen, sight, skips, strong, near);
  const heat = heats();
  for (let k = 0; k < boxes.length; k++) {
    const [x, y, w, h] = boxes[k].place;
    if (x > sight[2] || y > sight[3] || x + w < sight[0] || y + h < sight[1]) continue;
    paintBox(pen, k, heat);
  }
  view.frames += 1;
  view.worst = Math.max(view.worst, performance.now() - began);
}

function paintLines(pen, sight, skips, strong, near) {
  pen.strokeStyle = strong ? ink.accent : skips ? ink.skip : ink.edge;
  pen.fillStyle = pen.strokeStyle;
  pen.globalAlpha = strong ? 1 : skips ? 0.75 : 0.9;
  pen.lineWidth = Math.max(strong ? 2.4 : 1.4, (strong ? 1.6 : 0.7) / view.scale);
  const tips = view.scale > 0.2;
  pen.beginPath();
  const ends = [];
  for (const line of graph.lines) {
    if (line.skips !== skips || (line.of === state.chosen && near.size > 0) !== strong) continue;
    const [left, top, right, bottom] = line.box;
    if (left > sight[2] || top > sight[3] || right < sight[0] || bottom < sight[1]) continue;
    const p = line.points;
    pen.moveTo(p[0], p[1]);
    if (line.curved) {
      const middle = (p[1] + p[3]) / 2;
      pen.bezierCurveTo(p[0], middle, p[2], middle, p[2], p[3]);
    } else for (let k = 2; k < p.length; k += 2) pen.lineTo(p[k], p[k + 1]);
    if (line.tip && tips) ends.push(line.tip);
  }
  pen.stroke();
  pen.beginPath();
  for (const [x, y] of ends) {
    pen.moveTo(x, y);
    pen.lineTo(x - 4.5, y - 8);
    pen.lineTo(x + 4.5, y - 8);
    pen.closePath();
  }
  pen.fill();
  pen.globalAlpha = 1;
}

/** Between 0 and 1 for each box, null where there is no number; null for colours by family. */
function heats() {
  const value = COLOURINGS[view.colouring];
  if (!value) return null;
  const found = boxes.map((_, k) => value(k)).map((v) => (v === null || Number.isNaN(v) ? null : v));
  if (view.colouring === "time / onnxruntime")
    return found.map((v) => (v === null ? null : Math.min(1, Math.max(0, 0.5 + Math.log2(Math.max(v, 1e-3)) / 4))));
  const most = Math.max(...found.filter((v) => Number.isFinite(v)), 0);
  return found.map((v) => (v === null ? null : most ? Math.sqrt(Math.min(1, v / most)) : 0));
}

function paintBox(pen, k, heat) {
  const [x, y, w, h] = boxes[k].place;
  const { kind, lines } = boxes[k];
  const end = !layers[k] || layers[k].summary === "input";
  const base = heat ? (heat[k] === null ? ink.muted : `hsl(${Math.round(215 - 195 * heat[k])} 70% 50%)`) : colour(kind);
  const wrong = parity && layers[k] && compared(layers[k]).some((value) => !value.passed);
  pen.beginPath();
  pen.roundRect(x, y, w, h, end ? 14 : 6);
  pen.fillStyle = ink.card;
  pen.fill();
  pen.fillStyle = base;
  pen.globalAlpha = view.scale < 0.3 ? 0.75 : heat && heat[k] !== null ? 0.14 + 0.3 * heat[k] : 0.13;
  pen.fill();
  pen.globalAlpha = 1;
  pen.lineWidth = k === state.chosen ? Math.max(3, 2 / view.scale) : wrong ? 3 : 1;
  pen.strokeStyle = k === state.chosen ? ink.accent : wrong ? ink.bad : base;
  pen.stroke();
  if (view.scale < 0.3) return;
  if (!end) {
    pen.fillStyle = base;
    pen.beginPath();
    pen.roundRect(x, y, 6, h, [6, 0, 0, 6]);
    pen.fill();
  }
  let top = y + 20;
  for (let row = 0; row < lines.length; row++) {
    pen.font = row === 0 ? "600 13.5px system-ui, sans-serif" : "12px system-ui, sans-serif";
    pen.fillStyle = row === 0 ? ink.ink : ink.muted;
    const [left, right] = lines[row].split("  ");
    const room = w - 26;
    let used = 0;
    if (right) {
      const text = shorten(pen, right, room);
      used = pen.measureText(text).width + 10;
      pen.fillText(text, x + w - used, top);
    }
    pen.fillText(shorten(pen, left, room - used), x + 14, top);
    top += 17;
  }
}

const shortened = new Map();
function shorten(pen, text, room) {
  const key = `${pen.font}|${Math.round(room)}|${text}`;
  if (shortened.has(key)) return shortened.get(key);
  let found = text.length > 200 ? `${text.slice(0, 100)}…${text.slice(-99)}` : text;
  for (let keep = found.length - 1; pen.measureText(found).width > room && keep > 2; keep--) {
    found = `${text.slice(0, Math.ceil(keep / 2))}…${text.slice(text.length - Math.floor(keep / 2))}`;
  }
  if (shortened.size > 20000) shortened.clear();
  shortened.set(key, found);
  return found;
}

function boxAt(px, py) {
  const x = px / view.scale + view.x,
    y = py / view.scale + view.y;
  return boxes.findIndex(({ place: [left, top, w, h] }) => x >= left && x <= left + w && y >= top && y <= top + h);
}

function graphView() {
  const choices = Object.keys(COLOURINGS).filter((name) => name === "family" || COLOURINGS[name]);
  const select = make(
    "select",
    {
      "aria-label": "Colours",
      title: "Colours",
      onchange: () => {
        view.colouring = select.value;
        legend();
        refresh();
      },
    },
    choices.map((name) => make("option", { value: name }, name === "family" ? "colour: family" : `colour: ${name}`)),
  );
  const list = make("div", { class: "legend", "aria-label": "Legend" });
  function legend() {
    list.replaceChildren(
      ...(view.colouring === "family"
        ? graph.kinds.map((kind, k) => {
            const swatch = make("i");
            swatch.style.background = colour(k);
            return make("span", {}, swatch, kind.name);
          })
        : [
            make(
              "span",
              {},
              view.colouring === "time / onnxruntime"
                ? "blue: a quarter of onnxruntime's time or less · middle: as long · red: four times or more"
                : `blue: little · red: most (${view.colouring})`,
            ),
          ]),
    );
  }
  legend();
  const tools = make(
    "div",
    { class: "tools" },
    select,
    make("button", { type: "button", title: "Zoom out (-)", "aria-label": "Zoom out", onclick: () => zoom(1 / 1.4) }, "−"),
    make("button", { type: "button", title: "Zoom in (+)", "aria-label": "Zoom in", onclick: () => zoom(1.4) }, "+"),
    make("button", { type: "button", title: "Show all (0)", onclick: fit }, "Fit"),
  );
  new ResizeObserver(() => {
    const { clientWidth, clientHeight } = canvas;
    if (!clientWidth || (clientWidth === view.width && clientHeight === view.height)) return;
    const first = !view.width;
    [view.width, view.height] = [clientWidth, clientHeight];
    if (first) fit();
    else if (state.chosen >= 0) reveal(state.chosen);
    refresh();
  }).observe(canvas);
  onChoice((k, show) => {
    if (k >= 0 && show && view.width) reveal(k);
    refresh();
  });
  return [canvas, tools, list, make("p", { class: "hint" }, "Drag, wheel or pinch · arrow keys go along the graph")];
}
