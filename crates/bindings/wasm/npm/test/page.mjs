// The page that decides in the browser, without a server: `node page.mjs CORPUS.json PACKAGE`. What serves the page serves files and nothing else.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join, resolve } from "node:path";

const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const { chromium } = createRequire(join(here, "../../../../../target/bindings-tools/package.json"))("playwright-core");
const [corpus, place] = process.argv.slice(2).map((path) => resolve(path));
const { proofs } = JSON.parse(readFileSync(corpus, "utf8"));
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };
const asked = [];
const server = createServer(async ({ url }, response) => {
  const { pathname } = new URL(url, "http://localhost");
  asked.push(pathname);
  const path = pathname.startsWith("/legation/") ? join(place, pathname.slice(9).replaceAll("..", "")) : join(here, "../example/entry.html");
  try {
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/plain" }).end(await readFile(path));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForLoadState("networkidle");
  const before = asked.length;
  const give = (id, text) => page.setInputFiles(`#${id}`, text === null ? [] : { name: "file", mimeType: "text/plain", buffer: Buffer.from(text) });
  const said = async () => page.locator("#answer").innerText();
  for (const [ending, words] of [["argument-equal", /own word.*permit, and is decided the same/], ["argument-equal, with nothing shown", /erased/], ["argument-equal, changed", /proves nothing: /]]) {
    const { proof } = proofs.find(({ name }) => name === ending);
    await give("proof", "");
    await give("proof", proof);
    await page.waitForFunction((pattern) => new RegExp(pattern).test(document.getElementById("answer").innerText), words.source, { timeout: 10_000 });
    assert.match(await said(), words);
  }
  const { proof, document } = proofs.find(({ name }) => name === "argument-equal, by another's document");
  await give("proof", proof);
  await give("document", document);
  await page.waitForFunction(() => document.getElementById("answer").innerText.includes("proves nothing"), undefined, { timeout: 10_000 });
  assert.equal(asked.length, before, "the page asked for something");
  console.log("the page decides: 4 passed, 0 failed");
} finally {
  await browser.close();
  server.close();
}
