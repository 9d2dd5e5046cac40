// Models in one thread: ours and onnxruntime-web's, in turns. Checks both before it times them.
//   node --no-liftoff wasm.mjs JOBS.json ONNXRUNTIME-WEB
// A job names our package, the model, and for each batch the files of its inputs and of the answers that are expected. Writes a line
// of JSON for each. Times are CPU time of this process in milliseconds: what else the machine does is not in them.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [, , place, runtime] = process.argv;
const ort = await import(pathToFileURL(runtime));
ort.env.wasm.numThreads = 1;

const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, int64: BigInt64Array };
const BURST = 10;
const now = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

async function array({ type, file }) {
  const bytes = await readFile(file);
  return new ARRAYS[type](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

// how far from what is expected, in units of what is allowed
function error(found, expected, { rtol, atol }) {
  if (found.length !== expected.length) return Infinity;
  const numbers = Array.from(expected, Number);
  const scale = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return numbers.reduce((most, x, k) => {
    const far = Math.abs(Number(found[k]) - x) / (rtol * Math.abs(x) + atol * scale + 1e-30);
    return far <= most ? most : far;
  }, 0);
}

async function timed(engines, seconds) {
  const burst = {
    ours: (runs) => { for (let k = 0; k < runs; k++) engines.ours(); },
    other: async (runs) => { for (let k = 0; k < runs; k++) await engines.other(); },
  };
  const runs = {};
  const times = { ours: [], other: [] };
  for (const name of ["ours", "other"]) {
    const begin = now();
    let count = 0;
    for (; now() - begin < 3 * BURST || count < 3; count++) await burst[name](1);
    runs[name] = Math.max(1, Math.round((BURST * count) / (now() - begin)));
  }
  const end = now() + 1000 * seconds;
  while (now() < end || times.ours.length < 5) {
    for (const name of Math.random() < 0.5 ? ["ours", "other"] : ["other", "ours"]) {
      const begin = now();
      await burst[name](runs[name]);
      times[name].push((now() - begin) / runs[name]);
    }
  }
  return { ours: median(times.ours), other: median(times.other) };
}

for (const job of JSON.parse(await readFile(place))) {
  const ours = await import(pathToFileURL(job.package));
  const own = await ours.load(await readFile(job.wasm));
  const session = await ort.InferenceSession.create(await readFile(job.model), { executionProviders: ["wasm"] });
  const result = { name: job.name, batches: {} };
  for (const { batch, inputs, outputs } of job.batches) {
    const given = {};
    const feeds = {};
    for (const [k, input] of inputs.entries()) {
      given[ours.INPUTS[k].name] = await array(input);
      feeds[session.inputNames[k]] = new ort.Tensor(input.type, await array(input), input.shape);
    }
    const found = own.predict(given);
    const theirs = await session.run(feeds);
    const errors = { ours: 0, other: 0 };
    for (const [k, output] of outputs.entries()) {
      const expected = await array(output);
      errors.ours = Math.max(errors.ours, error(found[ours.OUTPUTS[k].name].data, expected, job));
      errors.other = Math.max(errors.other, error(theirs[session.outputNames[k]].data, expected, job));
    }
    const times = await timed({ ours: () => own.predict(given), other: () => session.run(feeds) }, job.seconds);
    result.batches[batch] = { ...times, errors };
  }
  own.free();
  await session.release();
  console.log(JSON.stringify(result));
}
