// The page: numbers in its head, views behind tabs, search, keys that hold everywhere.

function chips() {
  const work = layers.reduce((sum, layer) => sum + layer.work, 0);
  const room = data.memory.slots.reduce((sum, slot) => sum + slot.bytes, 0);
  const found = [
    [String(layers.filter((layer) => layer.summary !== "input").length), "layers"],
    [quantity(model.parameters), "parameters"],
    [quantity(work), "multiply-adds"],
    [bytes(model.weight_bytes), "weights"],
    [bytes(room), "workspace"],
  ];
  if (parity)
    found.push([
      parity.passed ? "✓" : "✗",
      parity.passed ? "verified" : parity.ran ? "departs" : "not verified",
      parity.passed ? "good" : "bad",
    ]);
  const row = times && times.rows[0];
  if (row) found.push([duration(row.engines.crate.median), row.label]);
  if (row && row.ratio) found.push([`× ${round(row.ratio, 3)}`, "of onnxruntime's time", row.ratio <= 1 ? "good" : "warn"]);
  document
    .getElementById("chips")
    .replaceChildren(
      ...found.map(([number, what, kind]) => make("li", {}, make("b", { class: kind || "" }, number), make("span", {}, what))),
    );
}

const VIEWS = [
  ["graph", "Graph", graphView],
  ["layers", "Layers", layersView],
  ["memory", "Memory", memoryView],
  ["weights", "Weights", weightsView],
  ["model", "Model", modelView],
];

/** Tabs; what is behind one is made when it is first opened. */
function tabs() {
  const list = document.getElementById("tabs"),
    holder = document.getElementById("views");
  const made = new Map();
  const open = (name, focus = false) => {
    const [, , build] = VIEWS.find(([each]) => each === name);
    if (!made.has(name)) {
      const panel = make("div", { role: "tabpanel", id: `view-${name}`, "aria-labelledby": `tab-${name}`, class: name });
      made.set(name, panel);
      holder.append(panel);
      panel.append(...build());
      if (state.chosen >= 0) choose(state.chosen);
    }
    for (const [each, panel] of made) panel.hidden = each !== name;
    for (const tab of list.children) {
      const is = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", is);
      tab.tabIndex = is ? 0 : -1;
      if (is && focus) tab.focus();
    }
    if (name === "graph") refresh();
  };
  list.append(
    ...VIEWS.map(([name, title]) =>
      make("button", { role: "tab", type: "button", id: `tab-${name}`, onclick: () => open(name) }, title),
    ),
  );
  list.addEventListener("keydown", (event) => {
    const at = VIEWS.findIndex(([name]) => document.activeElement.id === `tab-${name}`);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: VIEWS.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      open(VIEWS[(to + VIEWS.length) % VIEWS.length][0], true);
    }
  });
  open("graph");
  return open;
}

const MATCHES = 40;

function search(open) {
  const field = document.getElementById("search"),
    list = document.getElementById("matches");
  const texts = boxes.map((box, k) =>
    [
      ...box.lines,
      ...(layers[k] ? layers[k].nodes.flatMap((place) => [nodes[place].name, nodes[place].op, ...nodes[place].out]) : []),
    ]
      .join("\n")
      .toLowerCase(),
  );
  let found = [],
    at = 0;
  function show() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = words.length ? boxes.map((_, k) => k).filter((k) => words.every((word) => texts[k].includes(word))) : [];
    const rank = (k) => (words.length && boxes[k].lines[0].toLowerCase().includes(words[0]) ? 0 : 1);
    found.sort((a, b) => rank(a) - rank(b) || a - b);
    at = 0;
    list.replaceChildren(
      ...found.slice(0, MATCHES).map((k, j) =>
        make(
          "li",
          {
            role: "option",
            id: `match-${j}`,
            onpointerdown: (event) => {
              event.preventDefault();
              take(k);
            },
          },
          make("b", {}, boxes[k].lines[0]),
          make("span", {}, boxes[k].lines[1] || ""),
        ),
      ),
      ...(words.length && !found.length
        ? [make("li", {}, "Nothing is called so")]
        : found.length > MATCHES
          ? [make("li", {}, `and ${found.length - MATCHES} more`)]
          : []),
    );
    list.hidden = !words.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
    mark();
  }
  function mark() {
    [...list.children].forEach((each, j) => each.setAttribute("aria-selected", j === at && Boolean(found.length)));
    if (found.length && list.children[at]) {
      field.setAttribute("aria-activedescendant", `match-${at}`);
      list.children[at].scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  }
  function take(k) {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    if (!layersShown()) open("graph");
    choose(k);
  }
  const layersShown = () => document.getElementById("tab-layers").getAttribute("aria-selected") === "true";
  field.addEventListener("input", show);
  field.addEventListener("focus", () => field.value && show());
  field.addEventListener("blur", () => {
    list.hidden = true;
  });
  field.addEventListener("keydown", (event) => {
    const last = Math.min(found.length, MATCHES) - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at = Math.max(0, Math.min(last, at + (event.key === "ArrowDown" ? 1 : -1)));
      mark();
    } else if (event.key === "Enter" && found.length) {
      event.preventDefault();
      take(found[at]);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      field.value = "";
      show();
      field.blur();
    }
  });
}

function theme(next) {
  const root = document.documentElement;
  root.dataset.theme = next;
  readInks();
}

function start() {
  chips();
  onChoice(showDetails);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  theme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => theme(dark.matches ? "dark" : "light"));
  const other = () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  document.getElementById("theme").addEventListener("click", other);
  search(tabs());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (event.key === "/") {
      event.preventDefault();
      document.getElementById("search").focus();
    } else if (event.key === "t") other();
    else if (event.key === "Escape" && state.chosen >= 0) {
      choose(-1);
      canvas.focus();
    }
  });
}

start();
