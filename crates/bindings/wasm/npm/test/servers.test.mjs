// In front of others' servers, and in others' runtimes: Express, Hono, the official MCP SDK, workerd.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { RESOURCE, world } from "./world.mjs";

const place = process.env.LEGATION_PACKAGE ?? new URL("../../../../../target/packages/npm", import.meta.url).pathname;
const tools = createRequire(new URL("../../../../../target/bindings-tools/package.json", import.meta.url).pathname);
const others = (name) => import(pathToFileURL(tools.resolve(name)));
const { Agent, guard, Verifier } = await import(`${place}/index.js`);
const { signedFetch, withLegation } = await import(`${place}/mcp.js`);

const origin = "https://shop.example";
const map = ({ method, url }) => ({ action: `http:${method.toLowerCase()}`, resource: url.split("?")[0] });
const made = () => {
  const { text, trust } = world({ actions: ["http:*"] });
  return { agent: Agent.fromText(text), guarded: guard(new Verifier(trust, { fetch: null }), { origin, map }) };
};

test("Express", async () => {
  const { default: express } = await others("express");
  const { agent, guarded } = made();
  const app = express();
  app.use("/in", guarded.express(), (req, res) => res.json({ agent: req.legation.verdict.agent }));
  app.get("/open", (_, res) => res.send("open"));
  const server = app.listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  try {
    const at = `http://127.0.0.1:${server.address().port}`;
    const headers = await agent.sign({ url: `${origin}/in/tools?x=1` });
    const answer = await fetch(`${at}/in/tools?x=1`, { headers });
    assert.deepEqual([answer.status, await answer.json()], [200, { agent: agent.did }]);
    assert.equal((await fetch(`${at}/in/tools`)).status, 401);
    assert.equal((await fetch(`${at}/open`)).status, 200);
  } finally {
    server.close();
  }
});

test("Hono", async () => {
  const { Hono } = await others("hono");
  const { agent, guarded } = made();
  const app = new Hono();
  app.use("/in/*", guarded.hono());
  app.post("/in/tools", (c) => c.json({ agent: c.get("legation").verdict.agent }));
  const headers = await agent.sign({ method: "POST", url: `${origin}/in/tools`, body: "x" });
  const answer = await app.request("/in/tools", { method: "POST", headers, body: "x" });
  assert.deepEqual([answer.status, await answer.json()], [200, { agent: agent.did }]);
  assert.equal((await app.request("/in/tools", { method: "POST", headers, body: "y" })).status, 401);
});

test("a server of the official MCP SDK decides each call, however its tools are registered", async () => {
  const { McpServer } = await others("@modelcontextprotocol/sdk/server/mcp.js");
  const { Client } = await others("@modelcontextprotocol/sdk/client/index.js");
  const { InMemoryTransport } = await others("@modelcontextprotocol/sdk/inMemory.js");
  const { z } = await others("zod");
  const { trust, agent, run, place: folder } = world({ actions: ["mcp:tools/call:buy"], constraints: [{ type: "argument", name: "amount", max: 100 }] });
  void run;
  const chain = readFileSync(join(folder, "chain"), "utf8").trim();
  const verifier = new Verifier({ ...trust, vouched: true }, { fetch: null });
  let caller = { chain, vouched: { agent, knownBy: "session 1" } };
  const server = withLegation(new McpServer({ name: "shop", version: "1" }), { verifier, resource: RESOURCE, whom: () => caller });
  const bought = [];
  server.registerTool("buy", { inputSchema: { amount: z.number() } }, ({ amount }) => {
    bought.push(amount);
    return { content: [{ type: "text", text: "bought" }] };
  });
  server.tool?.("sell", () => ({ content: [{ type: "text", text: "sold" }] }));
  const [here, there] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "test", version: "1" });
  await Promise.all([server.connect(there), client.connect(here)]);
  const call = async (name, args) => client.callTool({ name, arguments: args });
  assert.equal((await call("buy", { amount: 90 })).content[0].text, "bought");
  const denied = await call("buy", { amount: 101 });
  assert.ok(denied.isError && /constraint_violated[^]*what to do:/.test(denied.content[0].text), JSON.stringify(denied));
  assert.match((await call("sell", {})).content[0].text, /not_granted/);
  caller = undefined;
  await assert.rejects(call("buy", { amount: 1 }));
  assert.deepEqual(bought, [90]);
  await client.close();
  const late = new McpServer({ name: "late", version: "1" });
  late.registerTool("buy", {}, () => ({ content: [] }));
  assert.throws(() => withLegation(late, { verifier, resource: RESOURCE, whom: () => caller }), { code: "input" });
});

test("a client's transport signs what it sends", async () => {
  const { text } = world({ actions: ["http:*"] });
  const sent = [];
  const agent = Agent.fromText(text, { fetch: async (url, init) => { sent.push([url, new Headers(init.headers)]); return new Response("{}"); } });
  await signedFetch(agent)("https://shop.example/mcp", { method: "POST", body: "{}" });
  assert.equal(sent[0][0], "https://shop.example/mcp");
  for (const name of ["agent-delegation", "content-digest", "signature", "signature-input"]) assert.ok(sent[0][1].has(name), name);
});

test("at the edge: a site is served to those who may, and to nobody else", async () => {
  const { Miniflare } = await others("miniflare");
  const { text, trust } = world({ actions: ["http:get"] });
  const agent = Agent.fromText(text);
  const files = readdirSync(place).filter((name) => name.endsWith(".js") && !["guarded.js", "node.js", "module-node.js", "module-web.js"].includes(name));
  const read = (name) => readFileSync(join(place, name), "utf8").replaceAll('"#module"', '"./module-edge.js"');
  const site = readFileSync(new URL("../example/edge.js", import.meta.url), "utf8").replace('"legation"', '"./index.js"');
  const modules = [
    { type: "ESModule", path: "site.js", contents: site },
    ...files.map((path) => ({ type: "ESModule", path, contents: read(path) })),
    { type: "CompiledWasm", path: "legation_bg.wasm", contents: readFileSync(join(place, "legation_bg.wasm")) },
  ];
  const edge = new Miniflare({ modules, modulesRoot: "/", compatibilityDate: "2026-07-01", bindings: { TRUST: JSON.stringify(trust), ORIGIN: origin } });
  try {
    const begun = performance.now();
    const first = await edge.dispatchFetch(`${origin}/page`);
    console.log(`# the first answer at the edge took ${(performance.now() - begun).toFixed(1)} ms`);
    assert.equal(first.status, 401);
    const headers = Object.fromEntries(await agent.sign({ url: `${origin}/page` }));
    const answer = await edge.dispatchFetch(`${origin}/page`, { headers });
    const page = await answer.text();
    assert.equal(answer.status, 200, page);
    assert.ok(page.includes(agent.did));
    assert.equal((await edge.dispatchFetch(`${origin}/page`, { headers })).status, 401, "once");
  } finally {
    await edge.dispose();
  }
});
test("the types say what there is", () => {
  const folder = mkdtempSync(join(tmpdir(), "legation-types-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(place, join(folder, "node_modules/legation"));
  copyFileSync(new URL("types.ts", import.meta.url), join(folder, "types.ts"));
  const compiler = tools.resolve("typescript/package.json").replace("package.json", "bin/tsc");
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--types", "", "--lib", "es2022,dom,dom.iterable", "types.ts"];
  const done = spawnSync(process.execPath, [compiler, ...options], { cwd: folder, encoding: "utf8" });
  assert.equal(done.stdout, "");
  assert.equal(done.status, 0, done.stderr);
});
