// What numbers the weights are.

const AT_ONCE = 120;

function weightCard(weight, role = "") {
  const card = make(
    "div",
    { class: "card" },
    make("b", {}, role ? `${role}: ${weight.name}` : weight.name),
    make("small", {}, `${weight.dtype} ${shape(weight.shape)} · ${bytes(weight.bytes)}`),
  );
  if (weight.bins) {
    const most = Math.max(...weight.bins, 1),
      n = weight.bins.length;
    const bars = weight.bins
      .map((count, k) => (count ? `M${k} 60V${60 - Math.max(1, (58 * count) / most)}h0.9V60Z` : ""))
      .join("");
    const zero =
      weight.min < 0 && weight.max > 0
        ? [
            draw("line", {
              class: "grid",
              x1: (-weight.min / (weight.max - weight.min)) * n,
              x2: (-weight.min / (weight.max - weight.min)) * n,
              y1: 0,
              y2: 60,
              "vector-effect": "non-scaling-stroke",
            }),
          ]
        : [];
    const what = `Histogram between ${real(weight.min)} and ${real(weight.max)}`;
    card.append(
      draw(
        "svg",
        { viewBox: `0 0 ${n} 60`, preserveAspectRatio: "none", role: "img", "aria-label": what },
        ...zero,
        draw("path", { class: "histogram", d: bars }),
      ),
    );
  }
  const facts = [];
  if (weight.min !== undefined) facts.push(`${real(weight.min)} to ${real(weight.max)}`);
  if (weight.mean !== undefined) facts.push(`mean ${real(weight.mean)}, deviation ${real(weight.std)}`);
  if (weight.zeros) facts.push(`${percent(weight.zeros)} zeros`);
  if (weight.odd) facts.push(`${weight.odd} not finite`);
  if (weight.every > 1) facts.push(`every ${weight.every}th element counted`);
  card.append(...facts.map((fact) => make("small", { class: fact.includes("not finite") ? "bad" : "" }, fact)));
  return card;
}

function weightsView() {
  const sheet = make("div", { class: "sheet" });
  const total = data.weights.reduce((sum, weight) => sum + weight.bytes, 0);
  sheet.append(
    make("h2", {}, "Weights"),
    make(
      "p",
      {},
      data.weights.length
        ? `${data.weights.length} tensors, ${bytes(total)}, the largest first.`
        : "This model has no weights.",
    ),
  );
  const cards = make("div", { class: "cards" });
  let shown = 0;
  const more = make("button", { class: "more", type: "button", onclick: () => grow() }, "Show more");
  function grow() {
    for (const weight of data.weights.slice(shown, shown + AT_ONCE)) {
      const card = weightCard(weight);
      if (weight.layers.length) card.append(make("div", { class: "links" }, weight.layers.slice(0, 4).map(link)));
      cards.append(card);
    }
    shown += AT_ONCE;
    more.hidden = shown >= data.weights.length;
  }
  grow();
  sheet.append(cards, more);
  return [sheet];
}
