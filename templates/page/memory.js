// The planner's buffers: what lies where, from which step to which.

function memoryView() {
  const { slots, lives, alive, steps, scratch, turns } = data.memory;
  const sheet = make("div", { class: "sheet" });
  if (!slots.length) return [make("p", { class: "pad muted" }, "This model needs no buffers.")];
  const total = slots.reduce((sum, slot) => sum + slot.bytes, 0);
  const largest = Math.max(...alive, 1);
  sheet.append(
    make("h2", {}, "Buffers over time"),
    make(
      "p",
      {},
      `${slots.length} buffers hold ${lives.length} values: ${bytes(total)} in all, of which ${bytes(largest)} are in use at once at most${scratch ? "; layers' working memory comes on top" : ""}. Each value stands in its buffer from the step that makes it to the last one that reads it; a row is as high as its buffer is large, its colour is that of the layer.${turns.length ? ` Steps ${turns.map((t) => `${t.from} to ${t.to} (${t.samples} samples at a time)`).join(", ")} take a few samples at a time.` : ""}`,
    ),
  );
  const left = 118,
    top = 96,
    count = Math.max(1, steps.length),
    width = Math.max(1000, Math.min(14 * count, 16000));
  const heights = slots.map((slot) => Math.max(15, 74 * Math.sqrt(slot.bytes / Math.max(1, ...slots.map((s) => s.bytes)))));
  const offsets = heights.map((_, k) => top + heights.slice(0, k).reduce((sum, h) => sum + h + 4, 0));
  const height = offsets.at(-1) + heights.at(-1) + 26;
  const x = (step) => left + (width * step) / count;
  const picture = draw("svg", { width: left + width + 10, height, role: "group", "aria-label": "Buffers over time" });
  const y = (value) => top - 14 - (66 * value) / largest;
  const curve = alive.map((value, k) => `L${x(k)} ${y(value)}L${x(k + 1)} ${y(value)}`).join("");
  picture.append(
    draw("path", { class: "area", d: `M${x(0)} ${y(0)}${curve}L${x(count)} ${y(0)}Z` }),
    draw("path", { class: "curve", d: `M${x(0)} ${y(0)}${curve}` }),
    label(0, y(largest) + 8, `in use: ${bytes(largest)}`),
    label(0, y(0), "0"),
  );
  const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((n) => (n * width) / count >= 70) || 10000;
  for (let step = 0; step < count; step += every) {
    picture.append(
      draw("line", { class: "grid", x1: x(step), x2: x(step), y1: top - 14, y2: height - 22 }),
      label(x(step) + 2, height - 8, step),
    );
  }
  slots.forEach((slot, k) => picture.append(label(0, offsets[k] + heights[k] / 2 + 4, `${slot.name} ${bytes(slot.bytes)}`)));
  const shown = lives.map((life) => {
    const from = x(life.from) + (life.over ? (width / count) * 0.5 : 0),
      end = x(life.to + 1) - 0.5;
    const share = slots[life.slot].bytes ? Math.max(0.15, life.bytes / slots[life.slot].bytes) : 1;
    const h = heights[life.slot] * share;
    const what = `${life.name}: ${bytes(life.bytes)} in ${slots[life.slot].name}, steps ${life.from} to ${life.to}`;
    const attributes = {
      class: "life",
      x: from,
      y: offsets[life.slot] + heights[life.slot] - h,
      width: Math.max(1.5, end - from),
      height: h,
      rx: 2,
      fill: life.of === null ? "currentColor" : colour(boxes[life.of].kind, 0.8),
      "aria-label": what,
      role: "button",
      tabindex: lives.length <= 400 ? 0 : -1,
    };
    const rect = draw("rect", attributes, draw("title", {}, what));
    const go = () => life.of !== null && choose(life.of, false);
    rect.addEventListener("click", go);
    rect.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        go();
      }
    });
    return rect;
  });
  picture.append(...shown);
  onChoice((k) => shown.forEach((rect, j) => rect.classList.toggle("chosen", k >= 0 && lives[j].of === k)));
  sheet.append(make("div", { class: "chart" }, picture));
  return [sheet];
}

function label(x, y, text) {
  return draw("text", { x, y }, String(text));
}
