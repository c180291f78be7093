// What gets past nobody: calls that come by another way, targets that are no paths, addresses that are not of the open internet.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { connect, createServer as createListener } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { AUDIENCE, RESOURCE, world } from "./world.mjs";

const place = process.env.LEGATION_PACKAGE ?? new URL("../../../../../target/packages/npm", import.meta.url).pathname;
const tools = createRequire(new URL("../../../../../target/bindings-tools/package.json", import.meta.url).pathname);
const others = (name) => import(pathToFileURL(tools.resolve(name)));
const { Agent, guard, nonce, Verifier } = await import(`${place}/index.js`);
const { withLegation } = await import(`${place}/mcp.js`);
const { isPublic } = await import(`${place}/node.js`);

/** A server and a client of the official MCP SDK; `serve` registers what answers. Gives a function that calls a tool. */
async function toolServer(serve) {
  const { Server } = await others("@modelcontextprotocol/sdk/server/index.js");
  const { Client } = await others("@modelcontextprotocol/sdk/client/index.js");
  const { InMemoryTransport } = await others("@modelcontextprotocol/sdk/inMemory.js");
  const { trust, agent, place: folder } = world({ actions: ["mcp:tools/call:buy"], constraints: [{ type: "argument", name: "amount", max: 100 }] });
  const vouched = { chain: readFileSync(join(folder, "chain"), "utf8").trim(), vouched: { agent, knownBy: "session 1" } };
  const verifier = new Verifier({ ...trust, vouched: true }, { fetch: null });
  const inner = new Server({ name: "shop", version: "1" }, { capabilities: { tools: {} } });
  const wrap = (server) => withLegation(server, { verifier, resource: RESOURCE, whom: () => vouched });
  serve(inner, wrap);
  const [here, there] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "test", version: "1" });
  await Promise.all([inner.connect(there), client.connect(here)]);
  return { client, call: (name, args) => client.callTool({ name, arguments: args }) };
}

test("a handler with a schema of its own runs only what is permitted", async () => {
  const { z } = await others("zod");
  const ran = [];
  const own = z.object({ method: z.literal("tools/call"), params: z.object({ name: z.literal("buy"), arguments: z.object({ amount: z.number() }) }) });
  const { client, call } = await toolServer((server, wrap) => wrap(server).setRequestHandler(own, ({ params }) => {
    ran.push(params.arguments.amount);
    return { content: [{ type: "text", text: "bought" }] };
  }));
  assert.match((await call("buy", { amount: 101 })).content[0].text, /constraint_violated/);
  assert.equal((await call("buy", { amount: 99 })).content[0].text, "bought");
  assert.deepEqual(ran, [99]);
  await client.close();
});

for (const when of ["before", "after"]) {
  test(`a fallback handler that is set ${when} the server is wrapped runs only what is permitted`, async () => {
    const ran = [];
    const { client, call } = await toolServer((server, wrap) => {
      const fallback = async ({ method, params }) => {
        ran.push([method, params?.name]);
        return { content: [], pong: true };
      };
      if (when === "before") server.fallbackRequestHandler = fallback;
      wrap(server);
      if (when === "after") server.fallbackRequestHandler = fallback;
    });
    assert.match((await call("sell", {})).content[0].text, /not_granted/);
    await call("buy", { amount: 1 });
    const { z } = await others("zod");
    await client.request({ method: "shop/other" }, z.object({ pong: z.boolean() }));
    assert.deepEqual(ran, [["tools/call", "buy"], ["shop/other", undefined]], "and what calls no tool is left alone");
    await client.close();
  });
}

const origin = "https://shop.example";

/** What a server answers to a request as it stands: `fetch` would make another of it. */
async function answer(handle, text) {
  const server = createServer(handle);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(server.address().port, "127.0.0.1", () => socket.end(text));
      let told = "";
      socket.setEncoding("latin1").on("data", (piece) => { told += piece; }).on("end", () => resolve(told)).on("error", reject);
    });
  } finally {
    server.close();
  }
}

const head = (headers) => headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");

test("a target that is no path is refused, whatever would stand behind the origin", async () => {
  const { text, trust } = world({ actions: ["http:*"] });
  const agent = Agent.fromText(text);
  const seen = [];
  const map = ({ url }) => {
    seen.push(url);
    return { action: "http:get", resource: RESOURCE };
  };
  const guarded = guard(new Verifier(trust, { fetch: null }), { origin, map }).express();
  const handle = (req, res) => guarded(req, res, () => res.end("in"));
  for (const [method, target] of [["GET", "http://other.example/tools"], ["OPTIONS", "*"]]) {
    const headers = await agent.sign({ method, url: `${origin}/tools` });
    const told = await answer(handle, `${method} ${target} HTTP/1.1\r\nhost: shop.example\r\n${head(headers)}connection: close\r\n\r\n`);
    assert.match(told, /^HTTP\/1\.1 400 [^]*"code":"input"/, told);
  }
  assert.deepEqual(seen, []);
});

test("a header beyond ASCII is one like any other", async () => {
  const { text, trust } = world({ actions: ["http:*"] });
  const headers = await Agent.fromText(text).sign({ url: RESOURCE });
  const guarded = guard(new Verifier(trust, { fetch: null }), { origin, map: () => ({ action: "http:get", resource: RESOURCE }) }).express();
  const handle = (req, res) => guarded(req, res, () => res.end("in"));
  const request = Buffer.from(`GET /tools HTTP/1.1\r\nhost: shop.example\r\nx-name: caf\u00e9\r\n${head(headers)}connection: close\r\n\r\n`, "latin1");
  const told = await answer(handle, request);
  assert.match(told, /^HTTP\/1\.1 200 /, told);
  const beyond = { method: "GET", url: RESOURCE, headers: [["x-name", "\u20ac"]] };
  assert.throws(() => new Verifier(trust, { fetch: null }).decide(beyond), { code: "input" });
});

test("a map that says nothing permits nothing", async () => {
  const { text, trust } = world({ actions: ["http:*"] });
  const errors = [];
  const guarded = guard(new Verifier(trust, { fetch: null }), { origin, map: () => undefined, onError: (error) => errors.push(error.message) });
  const request = new Request(RESOURCE, { headers: await Agent.fromText(text).sign({ url: RESOURCE }) });
  assert.equal((await guarded.fetch(() => new Response("in"))(request)).status, 503);
  assert.match(errors[0], /`map`/);
});

test("only addresses of the open internet are public", () => {
  const addresses = JSON.parse(readFileSync(new URL("../../../tests/addresses.json", import.meta.url), "utf8"));
  for (const address of addresses.public) assert.ok(isPublic(address), address);
  for (const address of [...addresses.other, "no address", ""]) assert.ok(!isPublic(address), address);
});

test("where nobody says what fetches, no private address is connected to", async () => {
  let connected = 0;
  const listener = createListener((socket) => {
    connected += 1;
    socket.destroy();
  });
  await new Promise((done) => listener.listen(0, "127.0.0.1", done));
  const at = `localhost:${listener.address().port}`;
  try {
    const { text, trust, byWeb } = world();
    const { did, chain } = byWeb(at);
    const one = Agent.fromText(JSON.stringify({ ...JSON.parse(text), chain }));
    const verifier = new Verifier({ ...trust, roots: [{ ...trust.roots[0], did }] });
    const challenge = nonce();
    const verdict = await verifier.verify({ presentation: await one.present(AUDIENCE, challenge), nonce: challenge });
    assert.equal(verdict.decision, "deny");
    assert.match(verdict.found, /no address of the open internet/);
    await assert.rejects(one.meet(at), { code: "address_refused" });
    assert.equal(connected, 0);
  } finally {
    listener.close();
  }
});

test("what an agent's file says is let go of, but for what is public", () => {
  const { file, secret } = world();
  const program = `
    import { writeHeapSnapshot } from "node:v8";
    const { fromFile } = await import(${JSON.stringify(`${place}/node.js`)});
    globalThis.agent = await fromFile(${JSON.stringify(file)});
    await new Promise((done) => setTimeout(done, 50));
    globalThis.gc();
    console.log(writeHeapSnapshot(${JSON.stringify(`${file}.heapsnapshot`)}));`;
  execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "-e", program], { encoding: "utf8" });
  const heap = readFileSync(`${file}.heapsnapshot`, "utf8");
  assert.ok(heap.includes("heapsnapshot"), "texts are in it");
  assert.ok(!heap.includes(secret), "the key is in it");
});
