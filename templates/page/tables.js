// The layers as a table, and the model as a whole.

const COLUMNS = [
  ["layer", (k) => boxes[k].lines[0], null],
  ["what", (k) => layers[k].summary, null],
  ["output", (k) => (layers[k].output_shapes || []).map(shape).join("; "), null],
  ["parameters", (k) => layers[k].parameters || 0, (v) => (v ? quantity(v) : "")],
  ["multiply-adds", (k) => layers[k].work, (v) => (v ? quantity(v) : "")],
  ...(parity
    ? [
        ["crate off", (k) => (result(layers[k]) ? Number(result(layers[k]).crate) : null), real],
        [
          "onnxruntime off",
          (k) => (result(layers[k]) && result(layers[k]).onnxruntime !== null ? Number(result(layers[k]).onnxruntime) : null),
          real,
        ],
      ]
    : []),
  ...(timed
    ? [
        ["time", own, (v) => (v === null ? "–" : duration(v))],
        ["onnxruntime", theirs, (v) => (v === null ? "–" : duration(v))],
      ]
    : []),
];

function layersView() {
  const order = layers.map((_, k) => k);
  const body = make("tbody");
  const heads = COLUMNS.map(([name, , text], column) => {
    const head = make(
      "th",
      { scope: "col", class: text ? "number" : "" },
      make("button", { type: "button", onclick: () => sort(column) }, name),
    );
    return head;
  });
  const most = timed ? Math.max(...layers.map((_, k) => Math.max(own(k) || 0, theirs(k) || 0)), 1) : 1;
  const rows = order.map((k) =>
    make(
      "tr",
      { "data-layer": k },
      COLUMNS.map(([name, value, text], column) => {
        if (!column) {
          const swatch = make("i", { class: "swatch" });
          swatch.style.background = colour(boxes[k].kind);
          return make(
            "td",
            {},
            swatch,
            make("button", { class: "name", type: "button", onclick: () => choose(k, false) }, value(k)),
          );
        }
        const cell = make("td", { class: text ? "number" : "" }, text ? text(value(k)) : value(k));
        if (timed && value(k) && (name === "time" || name === "onnxruntime")) {
          const bar = make("i", { class: name === "time" ? "bar" : "bar theirs" });
          bar.style.width = `${(100 * value(k)) / most}%`;
          cell.append(bar);
        }
        return cell;
      }),
    ),
  );
  let sorted = [-1, 1];
  function sort(column) {
    sorted = [column, sorted[0] === column ? -sorted[1] : COLUMNS[column][2] ? -1 : 1];
    const value = COLUMNS[column][1];
    const key = (k) => {
      const v = value(k);
      return v === null || Number.isNaN(v) ? -1 : v;
    };
    order.sort((a, b) => sorted[1] * (typeof key(a) === "string" ? key(a).localeCompare(key(b)) : key(a) - key(b)) || a - b);
    heads.forEach((head, k) => {
      if (k === column) head.setAttribute("aria-sort", sorted[1] > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    body.append(...order.map((k) => rows[k]));
  }
  body.append(...rows);
  onChoice((k, show) => {
    rows.forEach((row, j) => row.classList.toggle("chosen", j === k));
    if (show && rows[k]) rows[k].scrollIntoView({ block: "nearest" });
  });
  const about = timed
    ? [
        make(
          "p",
          { class: "muted" },
          `Times at ${times.rows[0].label}, one thread. A mark before each layer takes some 50 ns; onnxruntime's profiler counts whole microseconds, and adds its own cost to each node. What onnxruntime fuses otherwise stands with the first of its nodes${times.rest.length ? `; ${duration(times.rest.reduce((sum, node) => sum + node.ns, 0))} are in nodes that it has made itself (${[...new Set(times.rest.map((node) => node.op))].join(", ")})` : ""}.`,
        ),
      ]
    : [];
  return [
    make(
      "div",
      { class: "sheet" },
      make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, heads)), body)),
      ...about,
    ),
  ];
}

function table(heads, rows) {
  return make(
    "div",
    { class: "scroll" },
    make(
      "table",
      {},
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          heads.map((head) => make("th", { scope: "col" }, head)),
        ),
      ),
      make(
        "tbody",
        {},
        rows.map((row) =>
          make(
            "tr",
            {},
            row.map((cell) =>
              cell instanceof Node ? make("td", {}, cell) : make("td", {}, cell === null ? "–" : String(cell)),
            ),
          ),
        ),
      ),
    ),
  );
}

function modelView() {
  const sheet = make("div", { class: "sheet" });
  const add = (title, ...content) => sheet.append(make("h2", {}, title), ...content);
  const tensors = (list) =>
    table(
      ["name", "type", "shape"],
      list.map((t) => [t.name, t.dtype, shape(t.shape)]),
    );
  add(
    "Model",
    pairs(
      ["file", model.source],
      ["read as", model.frontend],
      ["made by", model.producer],
      [
        "opsets",
        Object.entries(model.opsets)
          .map(([domain, version]) => `${domain} ${version}`)
          .join(", "),
      ],
      ["open sizes", model.symbols.join(", ") || "none"],
      [
        "numbers are at",
        Object.entries(model.sizes)
          .map(([name, size]) => `${name} = ${size}`)
          .join(", "),
      ],
      ["multiply-adds", String(model.multiply_adds)],
      ["in Rust", `${model.crate}::${model.rust}`],
    ),
  );
  add("Inputs", tensors(model.inputs));
  add("Outputs", tensors(model.outputs));
  if (parity) {
    add(
      "Verification",
      make(
        "p",
        { class: parity.passed ? "good" : "bad" },
        parity.passed
          ? "✓ The crate computes what the model computes."
          : parity.ran
            ? "✗ The crate departs from the model."
            : "✗ Not verified.",
      ),
      make(
        "p",
        { class: "muted" },
        `${parity.draws.join("; ")}${parity.verdict ? ` · value by value: ${parity.verdict}` : ""}`,
      ),
      ...parity.problems.map((problem) => make("p", { class: "bad" }, problem)),
      ...(parity.outputs.length
        ? [
            table(
              ["output", "", "crate off", "onnxruntime off", "ULP", "elements", "furthest from its tolerance"],
              parity.outputs.map((o) => [
                o.name,
                o.passed ? "✓" : "✗",
                real(o.crate),
                real(o.onnxruntime),
                o.ulp,
                o.elements,
                o.said || o.worst || "",
              ]),
            ),
          ]
        : []),
      make(
        "p",
        { class: "muted" },
        "Distances are the largest absolute ones from the model evaluated in float64 where onnxruntime's is known too, else from onnxruntime. The values of single nodes are those of a crate that hands out each of them.",
      ),
      ...parity.notes.map((note) => make("p", {}, `Note: ${note}`)),
    );
  } else add("Verification", make("p", { class: "muted" }, "Left out (--no-verify)."));
  if (times) {
    const rows = times.rows.flatMap((row) =>
      Object.entries(row.engines).map(([name, t]) => [
        row.label,
        name,
        duration(t.median),
        duration(t.p10),
        t.runs,
        name === "onnxruntime" && row.ratio ? `crate takes ${round(row.ratio, 3)} of it` : "",
      ]),
    );
    add(
      "Time",
      ...(rows.length ? [table(["inputs", "engine", "median", "10th percentile", "runs", ""], rows)] : []),
      make(
        "p",
        { class: "muted" },
        [
          times.machine.cpu,
          times.machine.rustc,
          times.machine.onnxruntime && `onnxruntime ${times.machine.onnxruntime}`,
          times.machine.load !== undefined && `load ${round(times.machine.load, 2)} before`,
        ]
          .filter(Boolean)
          .join(" · "),
      ),
      ...times.notes.map((note) => make("p", {}, `Note: ${note}`)),
    );
  } else add("Time", make("p", { class: "muted" }, "Left out (--no-time)."));
  if (model.notes.length) add("Notes", ...model.notes.map((note) => make("p", {}, note)));
  const folded = nodes.filter((node) => node.folded);
  if (folded.length)
    add(
      "Computed at conversion",
      make(
        "p",
        { class: "muted" },
        `${folded.length} of ${nodes.length} ONNX nodes are in no layer: what they compute is known.`,
      ),
      table(
        ["operator", "name", "results"],
        folded.slice(0, 500).map((node) => [node.op, node.name, node.out.join(", ")]),
      ),
    );
  return [sheet];
}
