// The corpus in Chromium: `node browser.mjs CORPUS.json PACKAGE`. The package comes from a server on this machine, as a site has it.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, resolve } from "node:path";

const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const tools = join(here, "../../../../../target/bindings-tools/package.json");
const { chromium } = createRequire(tools)("playwright-core");
const [corpus, place] = process.argv.slice(2).map((path) => resolve(path));

const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };
// What a bundler or an import map does with the package's own conditions.
const PAGE = `<!doctype html><meta charset="utf-8"><title>corpus</title>
<script type="importmap">{"imports":{"#module":"/module-web.js"}}</script>
<script type="module">
  import * as legation from "/index.js";
  import { run } from "/corpus.mjs";
  const corpus = await (await fetch("/corpus.json")).json();
  window.told = run(legation, corpus);
</script>`;

const files = { "/corpus.json": corpus, "/corpus.mjs": join(here, "corpus.mjs") };
const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname === "/") return response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
  const path = files[pathname] ?? join(place, pathname.replaceAll("..", ""));
  try {
    const body = await readFile(path);
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error.message));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => window.told !== undefined, undefined, { timeout: 240_000 });
  const { steps, deviations } = await page.evaluate(() => window.told);
  for (const one of deviations) console.error(one);
  console.log(`${steps} steps, ${deviations.length} deviations`);
  process.exitCode = deviations.length ? 1 : 0;
} finally {
  await browser.close();
  server.close();
}
