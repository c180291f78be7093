// What the package adds to a cold start at the edge: the first answer of a new workerd with it, less that of one with an empty worker, by turns.
// `edge.mjs PACKAGE TOOLS`
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [place, tools] = process.argv.slice(2);
const { Miniflare } = await import(pathToFileURL(createRequire(join(tools, "package.json")).resolve("miniflare")));
const site = readFileSync(new URL("../wasm/npm/example/edge.js", import.meta.url), "utf8").replace('"legation"', '"./index.js"');
const own = readdirSync(place).filter((name) => name.endsWith(".js") && !["node.js", "module-node.js", "module-web.js"].includes(name));
const modules = [
  { type: "ESModule", path: "site.js", contents: site },
  ...own.map((path) => ({ type: "ESModule", path, contents: readFileSync(join(place, path), "utf8").replaceAll('"#module"', '"./module-edge.js"') })),
  { type: "CompiledWasm", path: "legation_bg.wasm", contents: readFileSync(join(place, "legation_bg.wasm")) },
];
const empty = [{ type: "ESModule", path: "site.js", contents: "export default { fetch: () => new Response('') };" }];
const bindings = { TRUST: '{"audience":"did:web:shop.example","roots":[]}', ORIGIN: "https://shop.example" };

async function first(modules) {
  const begun = performance.now();
  const edge = new Miniflare({ modules, modulesRoot: "/", compatibilityDate: "2026-07-01", bindings });
  await (await edge.dispatchFetch("https://shop.example/page")).text();
  const took = performance.now() - begun;
  await edge.dispose();
  return took;
}

const median = (all) => all.sort((one, other) => one - other)[all.length >> 1];
const rounds = { empty: [], own: [] };
for (let round = 0; round < 7; round += 1) {
  rounds.empty.push(await first(empty));
  rounds.own.push(await first(modules));
}
console.log(`start and first answer at the edge: ${median(rounds.own).toFixed(1)} ms, of an empty worker ${median(rounds.empty).toFixed(1)} ms; least ${Math.min(...rounds.own).toFixed(1)} and ${Math.min(...rounds.empty).toFixed(1)} ms`);
