// A package for npm, or onnxruntime-web. Says its first answer, then medians of calls in nanoseconds: of `predict`, and of the module's
// own function where the inputs lie already.
//   FILE SECONDS SHAPE PACKAGE.js MODULE.wasm INPUT OUTPUT, or FILE SECONDS SHAPE ORT.mjs MODEL.onnx INPUT OUTPUT
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [file, seconds, shape, script, place, input, output] = process.argv.slice(2);
const bytes = await readFile(file);
const x = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const engine = await import(pathToFileURL(script));
const calls = [];
let first;
if (place.endsWith(".onnx")) {
  engine.env.wasm.numThreads = 1;
  const session = await engine.InferenceSession.create(await readFile(place), { executionProviders: ["wasm"] });
  const feeds = { [input]: new engine.Tensor("float32", x, JSON.parse(shape)) };
  calls.push(() => session.run(feeds));
  first = (await session.run(feeds))[output].data;
} else {
  const instance = await WebAssembly.instantiate(await WebAssembly.compile(await readFile(place)));
  const model = new engine.Model(instance);
  calls.push(() => model.predict({ [input]: x }));
  calls.push(() => instance.exports.model_predict());
  first = model.predict({ [input]: x })[output].data;
}
console.log(JSON.stringify(Array.from(first)));
const found = [];
for (const call of Number(seconds) ? calls : []) {
  const [begun, times] = [performance.now(), []];
  let timed = 0;
  // the first half is V8's, to compile it well
  for (let now = begun; now < begun + 1000 * seconds || timed < 5; ) {
    const begin = performance.now();
    const answer = call();
    if (answer instanceof Promise) await answer;
    now = performance.now();
    if (now > begun + 500 * seconds) times.push(1e6 * (now - begin)), timed++;
  }
  found.push(times.sort((a, b) => a - b)[times.length >> 1]);
}
console.log(JSON.stringify(found));
