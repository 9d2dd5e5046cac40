// Runs a program for WASI with this folder's files: `node wasi.mjs PROGRAM ARGUMENT...`
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [, , path, ...args] = process.argv;
const wasi = new WASI({ version: "preview1", args: [path, ...args], preopens: { ".": "." } });
const module = await WebAssembly.compile(await readFile(path));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
