// What stands beside the views: all that is known of the chosen layer.

const details = document.getElementById("details");

function pairs(...rows) {
  const shown = rows.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return make(
    "dl",
    {},
    shown.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
  );
}

const part = (title, ...content) => [make("h3", {}, title), ...content];

function showDetails(k) {
  details.hidden = k < 0;
  if (k < 0) return;
  const layer = layers[k];
  const close = make(
    "button",
    {
      class: "close",
      type: "button",
      "aria-label": "Close (Escape)",
      title: "Close (Escape)",
      onclick: () => {
        choose(-1);
        canvas.focus();
      },
    },
    "×",
  );
  details.replaceChildren(
    close,
    make("h2", {}, boxes[k].lines[0]),
    ...(layer ? ofLayer(k, layer) : [make("p", { class: "what" }, boxes[k].lines[1]), ...around(k)]),
  );
  details.scrollTop = 0;
}

function ofLayer(k, layer) {
  return [
    make("p", { class: "what" }, layer.summary),
    ...numbers(k, layer),
    ...around(k),
    ...distances(layer),
    ...origins(layer),
    ...code(layer),
    ...weightsOf(layer),
    ...parameters(layer),
  ];
}

function numbers(k, layer) {
  const share = (value, all) => (all ? ` (${percent(value / all)})` : "");
  const sums = { work: 0, own: 0 };
  layers.forEach((each, j) => {
    sums.work += each.work;
    sums.own += own(j) || 0;
  });
  return [
    make(
      "div",
      {},
      pairs(
        [
          "output",
          (layer.output_shapes || [])
            .map((axes, j) => `${(layer.output_types || [])[j] || ""} ${shape(axes)}`.trim())
            .join("; "),
        ],
        ["inputs", (layer.input_shapes || []).filter(Boolean).map(shape).join("; ")],
        ["parameters", layer.parameters ? quantity(layer.parameters) : ""],
        [
          "multiply-adds",
          layer.work
            ? `${quantity(layer.work)}${share(layer.work, sums.work)}${layer.work_text ? ` = ${layer.work_text}` : ""}`
            : "",
        ],
        ["time", own(k) !== null ? `${duration(own(k))}${share(own(k), sums.own)}` : ""],
        ["onnxruntime", theirs(k) !== null ? duration(theirs(k)) : ""],
        ["rate", own(k) && layer.work ? `${round((2 * layer.work) / own(k), 3)} GFLOP/s` : ""],
        ["buffer", (layer.slots || []).join(", ") + (layer.in_place ? ", in place of its input" : "")],
        [
          "inside",
          layer.inside && layer.inside.length ? `${layer.inside.length} layers: ${layer.inside.slice(0, 40).join(", ")}` : "",
        ],
        ["note", layer.view ? "the same elements under another shape: costs nothing" : ""],
      ),
    ),
  ];
}

function around(k) {
  const some = (list) =>
    make("div", { class: "links" }, list.slice(0, 30).map(link), list.length > 30 ? ` and ${list.length - 30} more` : "");
  return [
    ...(feedBy[k].length ? part("Reads", some(feedBy[k])) : []),
    ...(feeds[k].length ? part("Read by", some(feeds[k])) : []),
  ];
}

function distances(layer) {
  const values = compared(layer);
  if (!values.length) return [];
  const rows = values.map((value) =>
    make(
      "div",
      { class: "node" },
      make("b", { class: value.passed ? "good" : "bad" }, `${value.passed ? "✓" : "✗"} ${value.name}`),
      make("small", {}, apart(value)),
      value.said ? make("small", { class: "bad" }, value.said) : "",
    ),
  );
  return part("Distance from the model in float64", ...rows);
}

function apart(value) {
  if (value.onnxruntime === null)
    return `crate ${real(value.crate)} from onnxruntime, ${value.ulp} ULP, ${value.elements} elements`;
  return `crate ${real(value.crate)} · onnxruntime ${real(value.onnxruntime)} (largest absolute), ${value.ulp} ULP, ${value.elements} elements`;
}

function origins(layer) {
  if (!layer.nodes.length) return [];
  return part(
    layer.nodes.length === 1 ? "ONNX node" : `${layer.nodes.length} ONNX nodes`,
    ...layer.nodes.map((place) => nodeCard(place)),
  );
}

function nodeCard(place) {
  const node = nodes[place];
  return make(
    "div",
    { class: "node" },
    make("b", {}, node.op),
    node.name ? ` ${node.name}` : "",
    make("small", {}, `${node.in.map((name) => name || "–").join(", ")} → ${node.out.join(", ")}`),
    node.attributes.length ? make("small", { class: "attributes" }, node.attributes.join("\n")) : "",
  );
}

function code(layer) {
  if (!layer.code) return [];
  return [
    ...part(`Generated code: src/model.rs, ${layer.code.place}`, rust(layer.code.lines)),
    ...(layer.code.layer ? part("Its layer: src/layers.rs", rust(layer.code.layer)) : []),
  ];
}

const TOKENS = /(\/\/.*)|\b([A-Z][A-Za-z0-9]*)\b|\b(\d[\d_.]*(?:e-?\d+)?)\b/g;

/** Rust with a little colour. */
function rust(text) {
  const found = make("pre", { tabindex: 0 });
  let last = 0;
  for (const token of text.matchAll(TOKENS)) {
    const kind = token[1] ? "comment" : token[2] ? "type" : "number";
    found.append(text.slice(last, token.index), make("span", { class: `rust-${kind}` }, token[0]));
    last = token.index + token[0].length;
  }
  found.append(text.slice(last));
  return found;
}

function weightsOf(layer) {
  const held = Object.entries(layer.weights || {});
  if (!held.length) return [];
  return part(
    "Weights",
    ...held.map(([role, tensor]) => {
      const known = data.weights.find((weight) => weight.name === tensor.name);
      return known ? weightCard(known, role) : make("p", {}, `${role}: ${tensor.name}`);
    }),
  );
}

function parameters(layer) {
  const rows = Object.entries(layer.config || {}).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return rows.length ? part("Parameters", pairs(["class", layer.class], ["rust", layer.rust], ...rows)) : [];
}
