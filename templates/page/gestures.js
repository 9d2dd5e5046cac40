// What hands do with the graph: pointers, the wheel, keys.

const pointers = new Map();
let moved = 0;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  moved = 0;
});
canvas.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
  const now = [event.offsetX, event.offsetY];
  if (other) {
    const apart = (a, b) => Math.max(1, Math.hypot(a[0] - b[0], a[1] - b[1]));
    zoom(apart(now, other) / apart(before, other), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }
  const share = other ? 2 : 1;
  view.x -= (now[0] - before[0]) / view.scale / share;
  view.y -= (now[1] - before[1]) / view.scale / share;
  moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
  pointers.set(event.pointerId, now);
  refresh();
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, (event) => {
    if (name === "pointerup" && pointers.size === 1 && moved < 4) choose(boxAt(event.offsetX, event.offsetY), false);
    pointers.delete(event.pointerId);
  });
}
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    const amount = event.deltaY * (event.deltaMode === 1 ? 20 : 1);
    zoom(Math.exp(-amount * (event.ctrlKey ? 0.01 : 0.0016)), event.offsetX, event.offsetY);
  },
  { passive: false },
);
canvas.addEventListener("keydown", (event) => {
  const k = state.chosen,
    next = (list) => list.length && choose(list[0]);
  const keys = {
    "+": () => zoom(1.3),
    "=": () => zoom(1.3),
    "-": () => zoom(1 / 1.3),
    0: fit,
    ArrowDown: () => (k < 0 ? choose(0) : next(feeds[k])),
    ArrowUp: () => k >= 0 && next(feedBy[k]),
    ArrowRight: () => choose(Math.min(boxes.length - 1, k + 1)),
    ArrowLeft: () => choose(Math.max(0, k - 1)),
    Home: () => choose(0),
    End: () => choose(boxes.length - 1),
    Enter: () => k >= 0 && document.getElementById("details").focus(),
  };
  if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    keys[event.key]();
  }
});
