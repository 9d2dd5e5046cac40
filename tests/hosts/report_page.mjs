// Opens a report's page in headless Chromium and uses it; says what it saw as JSON.
// usage: node report_page.mjs PLAYWRIGHT CHROMIUM PAGE WORDS SCREENSHOT
import { pathToFileURL } from "node:url";

const [playwright, chromium, page, words, screenshot] = process.argv.slice(2);
const browser = await (await import(pathToFileURL(playwright))).default.chromium.launch({
  executablePath: chromium,
  args: ["--no-sandbox"],
});
const found = { errors: [], requests: [] };
const tab = await browser.newPage({ viewport: { width: 1280, height: 800 } });
tab.on("pageerror", (error) => found.errors.push(String(error)));
tab.on("console", (message) => message.type() === "error" && found.errors.push(message.text()));
tab.on("dialog", (dialog) => {
  found.errors.push("a dialog");
  dialog.dismiss();
});
tab.on("request", (request) => found.requests.push(request.url().slice(0, 5)));
await tab.goto(pathToFileURL(page).href);
const seen = (script) => tab.evaluate(script);
const panel = () => seen("details.hidden ? null : details.querySelector('h2').textContent");

found.boxes = await seen("boxes.length");
// a click on the third box, which is brought into sight first
await seen("reveal(2), refresh()");
const [x, y] = await seen(`(() => {
  const [left, top, w, h] = boxes[2].place, at = canvas.getBoundingClientRect();
  return [at.x + (left + w / 2 - view.x) * view.scale, at.y + (top + h / 2 - view.y) * view.scale];
})()`);
await tab.mouse.click(x, y);
found.clicked = [await panel(), await seen("boxes[2].lines[0]")];
found.code = await seen("[...details.querySelectorAll('pre')].map((pre) => pre.textContent)");
found.distances = await seen("details.textContent.includes('Distance from the model in float64')");
await tab.keyboard.press("Escape");
found.closed = await panel();
// search
await tab.keyboard.press("/");
await tab.keyboard.type(words);
found.matches = await seen("document.querySelectorAll('#matches [role=option]').length");
await tab.keyboard.press("Enter");
found.searched = await panel();
// along the graph with keys
await tab.focus("canvas");
await tab.keyboard.press("Home");
await tab.keyboard.press("ArrowDown");
found.walked = await seen("state.chosen");
found.said = await seen("document.getElementById('said').textContent");
// moving and zooming: milliseconds that painting takes
await seen("fit(), view.worst = 0, view.frames = 0");
await tab.mouse.move(500, 400);
await tab.mouse.down();
for (let k = 0; k < 20; k++) await tab.mouse.move(500 + 10 * k, 400 + 5 * k);
await tab.mouse.up();
for (let k = 0; k < 20; k++) await tab.mouse.wheel(0, k < 10 ? -240 : 240);
await tab.waitForTimeout(100);
found.painting = await seen("({ frames: view.frames, worst: view.worst })");
// every view, in the dark too
found.views = {};
for (const view of ["layers", "memory", "weights", "model", "graph"]) {
  await tab.click(`#tab-${view}`);
  found.views[view] = await seen(`document.getElementById("view-${view}").querySelectorAll("tr, rect, .card, canvas").length`);
}
await tab.keyboard.press("t");
found.theme = await seen("document.documentElement.dataset.theme");
found.elements = await seen("[...new Set([...document.querySelectorAll('*')].map((e) => e.tagName.toLowerCase()))].sort()");
// what the policy forbids does not happen
found.forbidden = await seen(`new Promise((resolve) => {
  document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective), { once: true });
  document.body.append(Object.assign(document.createElement("script"), { textContent: "window.escaped = true" }));
  setTimeout(() => resolve("nothing"), 2000);
})`);
found.escaped = await seen("window.escaped === undefined");
found.errors = found.errors.filter((error) => !error.includes("Content Security Policy"));
await tab.screenshot({ path: screenshot });
await browser.close();
console.log(JSON.stringify(found));
