import assert from "node:assert/strict";
import { createServer } from "node:http";
import { existsSync, readFileSync, statSync } from "node:fs";
import test from "node:test";
import { inspect } from "node:util";
import { AUDIENCE, RESOURCE, world } from "./world.mjs";

const place = process.env.LEGATION_PACKAGE ?? new URL("../../../../../target/packages/npm", import.meta.url).pathname;
const { Agent, guard, LegationError, nonce, Verifier, verify, verifyReceipt } = await import(`${place}/index.js`);
const { fromFile, guardedFetch } = await import(`${place}/node.js`);

const buy = (facts = {}) => ({ action: "mcp:tools/call:buy", resource: RESOURCE, facts });

test("a presentation is permitted, and once", async () => {
  const { text, trust, agent, acme } = world();
  const verifier = new Verifier(trust, { fetch: null });
  const one = Agent.fromText(text);
  assert.equal(one.did, agent);
  const challenge = nonce();
  const shown = { presentation: await one.present(AUDIENCE, challenge), nonce: challenge };
  const verdict = await verifier.verify(shown, buy());
  assert.deepEqual([verdict.decision, verdict.principal, verdict.agent], ["permit", acme, agent]);
  assert.equal((await verifier.verify(shown, buy())).code, "nonce_replayed");
});

test("nothing prints the key", () => {
  const { text, secret } = world();
  const one = Agent.fromText(text);
  for (const told of [String(one), inspect(one, { depth: 9, showHidden: true }), JSON.stringify(one), JSON.stringify(one.describe())]) {
    assert.ok(!told.includes(secret), told);
  }
  for (const wrong of [text.replace(secret, "AA"), `${text}x`, text.replace('"OKP"', '"RSA"')]) {
    assert.throws(() => Agent.fromText(wrong), (error) => error.code === "key_invalid" && !error.message.includes(secret));
  }
});

test("a child may less, and nothing more", async () => {
  const { text, trust } = world({ constraints: [{ type: "argument", name: "amount", max: 100 }] });
  const parent = Agent.fromText(text);
  const child = await parent.delegate({ actions: ["mcp:tools/call:buy"], constraints: [{ type: "argument", name: "amount", max: 10 }], maxDepth: 0 });
  const verifier = new Verifier(trust, { fetch: null });
  const asks = async (agent, request) => {
    const challenge = nonce();
    return verifier.verify({ presentation: await agent.present(AUDIENCE, challenge), nonce: challenge }, request);
  };
  assert.equal((await asks(child, buy({ amount: 10 }))).decision, "permit");
  const denied = await asks(child, buy({ amount: 11 }));
  assert.equal(denied.code, "constraint_violated");
  assert.ok(denied.cure && denied.remedy.text.includes("10"), JSON.stringify(denied.remedy));
  assert.equal((await asks(parent, buy({ amount: 11 }))).decision, "permit");
  assert.equal((await asks(child, { ...buy({ amount: 1 }), action: "mcp:tools/call:sell" })).code, "not_granted");
  await assert.rejects(parent.delegate({ actions: ["model:chat"] }), { code: "not_delegated" });
  await assert.rejects(child.delegate({}), { code: "not_delegated" });
});

test("what a key in WebCrypto signs is what the module would have signed", async () => {
  const { text, trust } = world();
  const parent = Agent.fromText(text);
  for (const algorithm of [{ name: "Ed25519" }, { name: "ECDSA", namedCurve: "P-256" }]) {
    const pair = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
    const { did } = await Agent.fromWebCrypto(pair);
    const chain = await parent.delegate({ to: did, maxDepth: 1 });
    const agent = await Agent.fromWebCrypto(pair, chain);
    const verifier = new Verifier(trust, { fetch: null });
    const url = "https://shop.example/tools";
    const headers = await agent.sign({ method: "POST", url, body: "{}" });
    const verdict = await verifier.verify({ method: "POST", url, headers, body: "{}" }, buy());
    assert.equal(verdict.decision, "permit", JSON.stringify(verdict));
    const child = await agent.delegate({ maxDepth: 0 });
    assert.ok(child.chain.startsWith(chain));
  }
  const other = Agent.fromSigner((await jwk()).publicKey, async () => new Uint8Array(64));
  await assert.rejects(other.present(AUDIENCE, "n"), { code: "no_delegation" });
});

async function jwk() {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  const { kty, crv, x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { publicKey: { kty, crv, x } };
}

test("a signature of somebody else is not taken", async () => {
  const { text } = world();
  const { publicKey } = await jwk();
  const chain = await Agent.fromText(text).delegate({ to: Agent.fromSigner(publicKey, () => {}).did });
  for (const [signature, code] of [[new Uint8Array(64), "not_presented"], [new Uint8Array(3), "input"], ["text", "input"]]) {
    await assert.rejects(Agent.fromSigner(publicKey, () => signature, chain).present(AUDIENCE, "n-1"), { code });
  }
  const fails = Agent.fromSigner(publicKey, () => { throw new Error("the manager is gone"); }, chain);
  await assert.rejects(fails.present(AUDIENCE, "n-1"), { message: "the manager is gone" });
});

test("hostile objects say nothing else when they are read again", () => {
  const { trust } = world();
  let reads = 0;
  const getter = { action: "a", get resource() { reads += 1; return "https://shop.example/"; } };
  class Polite { action = "a"; }
  const proxy = new Proxy({ action: "a", resource: "r" }, { getOwnPropertyDescriptor: () => ({ get: () => "b", configurable: true, enumerable: true }) });
  const hidden = Object.defineProperty({ action: "a" }, "resource", { value: "r", enumerable: false });
  const loop = { action: "a" };
  loop.facts = loop;
  const wrong = [
    getter, new Polite(), proxy, hidden, loop, { action: "\ud800", resource: "r" }, { "\udc00": 1 }, { action: 2 ** 53 }, { action: 0.1 },
    { action: NaN }, { action: Infinity }, { action: 2n ** 53n }, { action: () => "a" }, { action: Symbol("a") }, { [Symbol("a")]: 1 },
    { action: new Date() }, { action: new Map() }, { facts: Array(5) }, { facts: Array.from({ length: 30_000 }, () => 1) }, 7, null,
  ];
  const verifier = new Verifier(trust, { fetch: null });
  for (const one of wrong) {
    assert.throws(() => verifier.decide({ presentation: "x", nonce: "n" }, one), LegationError, inspect(one, { depth: 1 }));
  }
  assert.equal(reads, 0);
  assert.throws(() => verifier.decide({ presentation: "x", nonce: "\ud800" }), { code: "input" });
  assert.throws(() => verifier.decide({ presentation: { toString: () => "x" }, nonce: "n" }), { code: "input" });
  Object.prototype.resource = "https://evil.example/";
  try {
    assert.throws(() => verifier.decide({ presentation: "x", nonce: "n" }, { action: "a" }), { code: "input" });
  } finally {
    delete Object.prototype.resource;
  }
  // What is plain is taken, however it was made.
  const bare = Object.assign(Object.create(null), { action: "a", resource: "https://shop.example/" });
  assert.equal(verifier.decide({ presentation: "x", nonce: "n" }, bare).code, "malformed");
  assert.equal(verifier.decide({ presentation: new Uint8Array([0xff]), nonce: "n" }).decision, "deny");
  assert.throws(() => new Verifier('{"audience":"a","audience":"b"}'), { code: "trust" });
  assert.throws(() => verifier.decide({ presentation: "x", nonce: "n" }, bare, { now: 1.5 }), { code: "input" });
});

/** A service behind each kind of guard, on a real socket. */
async function serve(handle) {
  const server = createServer(handle);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { port: server.address().port, close: () => new Promise((done) => server.close(done)) };
}

const map = ({ url, body }) => ({
  action: "http:post",
  resource: url.split("?")[0],
  facts: { amount: JSON.parse(new TextDecoder().decode(body) || "{}").amount ?? 0 },
});

test("a guard lets through what was signed and is permitted, and nothing else", async () => {
  const { text, trust } = world({ actions: ["http:*"], constraints: [{ type: "argument", name: "amount", max: 100 }] });
  const origin = "https://shop.example";
  const verifier = new Verifier(trust, { fetch: null });
  const guarded = guard(verifier, { origin, map }).express();
  const app = await serve((req, res) =>
    guarded(req, res, () => res.end(JSON.stringify({ agent: req.legation.verdict.agent, body: new TextDecoder().decode(req.legation.body) }))));
  try {
    const agent = Agent.fromText(text);
    const url = `${origin}/tools?q=1`;
    const send = async (headers, body, target = "/tools?q=1") => {
      const answer = await fetch(`http://127.0.0.1:${app.port}${target}`, { method: "POST", headers, body });
      return [answer.status, await answer.json(), answer];
    };
    const body = JSON.stringify({ amount: 7 });
    const headers = await agent.sign({ method: "POST", url, body });
    const [status, told] = await send(headers, body);
    assert.deepEqual([status, told], [200, { agent: agent.did, body }]);
    assert.equal((await send(headers, body))[1].code, "nonce_replayed");
    const fresh = () => agent.sign({ method: "POST", url, body });
    assert.equal((await send(await fresh(), JSON.stringify({ amount: 8 })))[1].code, "request_binding_mismatch");
    assert.equal((await send(await fresh(), body, "/tools?q=2"))[0], 401);
    const [bare, problem, answer] = await send([["content-type", "application/json"]], body);
    assert.deepEqual([bare, answer.headers.get("www-authenticate"), answer.headers.get("content-type")], [401, "Signature", "application/problem+json"]);
    assert.ok(problem.code && problem.cure && !JSON.stringify(problem).includes(trust.roots[0].did), "a stranger learns nothing of the trust");
    const large = JSON.stringify({ amount: 101 });
    const [refused, why] = await send(await agent.sign({ method: "POST", url, body: large }), large);
    assert.deepEqual([refused, why.code], [403, "constraint_violated"]);
    const digest = await agent.sign({ method: "POST", url, body }, { by: "digest" });
    assert.deepEqual((await send(digest, body)).slice(0, 2).map((one) => one.code ?? one), [401, "chain_unknown"]);
    assert.equal((await send(await fresh(), "x".repeat(2 << 20)))[0], 413);
  } finally {
    await app.close();
  }
});

test("a callback that fails is no permit", async () => {
  const { trust } = world();
  const errors = [];
  const failing = guard(new Verifier(trust, { fetch: null }), {
    origin: "https://shop.example",
    map: () => { throw new Error("no mapping"); },
    onError: (error) => errors.push(error.message),
  });
  const answer = await failing.fetch(() => new Response("in"))(new Request("https://shop.example/"));
  assert.deepEqual([answer.status, (await answer.json()).code, errors], [503, "unavailable", ["no mapping"]]);
  assert.throws(() => guard(new Verifier(trust), { origin: "https://shop.example/", map }), { code: "input" });
});

test("fetch signs, learns who knows the delegations, and gives them again where they are asked for", async () => {
  const { text, trust } = world({ actions: ["http:*"] });
  const verifier = new Verifier(trust, { fetch: null });
  const seen = [];
  const app = await serve(async (req, res) => {
    const by = req.headers["agent-delegation"].startsWith('"') || req.headers["agent-delegation"].includes(":") ? "digest" : "chain";
    seen.push(req.headers["agent-delegation"].length < 200 ? "digest" : "chain");
    void by;
    return handle(req, res, () => res.end("ok"));
  });
  const origin = `http://127.0.0.1:${app.port}`;
  const wide = { ...trust, roots: [{ ...trust.roots[0], ceiling: "everything" }] };
  const handle = guard(new Verifier(wide, { fetch: null }), { origin, map: () => ({ action: "http:get", resource: "https://shop.example/tools" }) }).express();
  void verifier;
  try {
    const agent = Agent.fromText(text);
    for (let index = 0; index < 2; index += 1) {
      const answer = await agent.fetch(`${origin}/a`);
      assert.equal(await answer.text(), "ok");
    }
    assert.deepEqual(seen, ["chain", "digest", "chain"]);
  } finally {
    await app.close();
  }
});

test("delegations are renewed from a gateway and put into the file", async () => {
  const { text, file, place, run, agent } = world();
  run("delegate", "--key", "acme.key", "--to", agent, "--action", "http:*", "--resource", "https://shop.example/*", "--valid-for", "2h", "--out", "newer");
  const newer = readFileSync(`${place}/newer`, "utf8").trim();
  const asked = [];
  const app = await serve((req, res) => {
    asked.push(req.url);
    if (req.url === "/v1/self/delegation") return res.end(JSON.stringify({ chain: [newer] }));
    res.writeHead(asked.length > 2 ? 200 : 401).end(JSON.stringify({ code: "revoked" }));
  });
  try {
    const one = await fromFile(file, { gateway: `http://127.0.0.1:${app.port}` });
    const answer = await one.fetch(`http://127.0.0.1:${app.port}/v1/models`);
    assert.deepEqual([answer.status, one.chain], [200, newer]);
    assert.deepEqual(asked, ["/v1/models", "/v1/self/delegation", "/v1/models"]);
    assert.equal(JSON.parse(readFileSync(file, "utf8")).chain, newer);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(JSON.parse(readFileSync(file, "utf8")).d, JSON.parse(text).d);
  } finally {
    await app.close();
  }
});

test("a receipt is the verifier's own, and verifies", async () => {
  const { text, trust, acme } = world();
  const service = Agent.generate();
  const verifier = new Verifier({ ...trust, audience: service.did }, { fetch: null });
  const one = Agent.fromText(text);
  const challenge = nonce();
  const shown = { presentation: await one.present(service.did, challenge), nonce: challenge };
  const { receipt } = await verifier.verify(shown, buy(), { signer: service });
  const said = verifyReceipt(receipt, service.did);
  assert.deepEqual([said.decision, said.principal, said.verifier], ["permit", acme, service.did]);
  assert.throws(() => verifyReceipt(`${receipt.slice(0, -2)}AA`, service.did), { code: "signature_invalid" });
  await assert.rejects(verifier.verify({ ...shown, nonce: "other" }, buy(), { signer: one }), { code: "signer_mismatch" });
});

test("evidence is fetched from the open internet alone", async () => {
  const fetch = guardedFetch();
  for (const url of ["http://shop.example/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/"]) {
    await assert.rejects(fetch(url), (error) => ["url_refused", "address_refused"].includes(error.code), url);
  }
  const { trust } = world();
  const asked = [];
  const verifier = new Verifier(trust, { fetch: async (url) => { asked.push(url); throw new Error("gone"); } });
  assert.equal(verify({ trust, presentation: "x", nonce: "n" }).code, "malformed");
  assert.equal((await verifier.verify({ presentation: "x", nonce: "n" })).code, "malformed");
  assert.deepEqual(asked, [], "who is not authentic makes nobody fetch");
});

test("memory stays within its bounds over many decisions", () => {
  const { trust } = world();
  const verifier = new Verifier(trust, { fetch: null });
  // So large that what is kept of a tenth of them would be seen.
  const presentation = `a.b.${"c".repeat(60_000)}`;
  const once = () => verifier.decide({ presentation, nonce: "n" }, buy());
  for (let index = 0; index < 500; index += 1) once();
  const before = process.memoryUsage.rss();
  for (let index = 0; index < 5000; index += 1) once();
  const grown = process.memoryUsage.rss() - before;
  assert.ok(grown < 30 << 20, `${grown} bytes more`);
});

test("of what was used up a verifier remembers as much as its ledger holds", async () => {
  const { text, trust } = world();
  const verifier = new Verifier(trust, { fetch: null, ledger: { nonces: 3 } });
  const one = Agent.fromText(text);
  const codes = [];
  for (let index = 0; index < 5; index += 1) {
    const challenge = nonce();
    codes.push((await verifier.verify({ presentation: await one.present(AUDIENCE, challenge), nonce: challenge }, buy())).code);
  }
  assert.deepEqual(codes, [null, null, null, "nonce_memory_full", "nonce_memory_full"]);
});

test("the program of the README runs as it stands", async () => {
  const { execFileSync } = await import("node:child_process");
  const { mkdirSync, symlinkSync, writeFileSync } = await import("node:fs");
  const { file, trust, place: folder } = world();
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  for (const [, name] of readme.matchAll(/`(example\/[^`]+)`/g)) assert.ok(existsSync(`${place}/${name}`), `${name} is not in the package`);
  const program = readme.match(/```js\n([^]*?)```/)[1];
  mkdirSync(`${folder}/node_modules`);
  symlinkSync(place, `${folder}/node_modules/legation`);
  writeFileSync(`${folder}/program.mjs`, program);
  const env = { ...process.env, LEGATION_AGENT_FILE: file, TRUST: JSON.stringify(trust) };
  const said = execFileSync(process.execPath, ["program.mjs"], { cwd: folder, env, encoding: "utf8" });
  assert.equal(said.trim(), "permit null undefined");
});

test("what is released is installed by npm, and is small", async () => {
  const { execFileSync } = await import("node:child_process");
  const { mkdtempSync, readdirSync } = await import("node:fs");
  const { tmpdir } = await import("node:os");
  const { dirname, join } = await import("node:path");
  const [packed] = readdirSync(dirname(place)).filter((name) => name.endsWith(".tgz")).map((name) => join(dirname(place), name));
  assert.ok(statSync(packed).size <= 600_000, `${statSync(packed).size} bytes`);
  const folder = mkdtempSync(join(tmpdir(), "legation-npm-"));
  const npm = join(dirname(process.execPath), "../lib/node_modules/npm/bin/npm-cli.js");
  execFileSync(process.execPath, [npm, "install", "--offline", "--no-audit", "--no-fund", "--silent", "--prefix", folder, packed]);
  const others = ["testing", "mcp", "ai"].map((name) => `import("legation/${name}");`).join(" ");
  const program = `import("legation").then(({ nonce }) => console.log(nonce().length)); ${others}`;
  assert.equal(execFileSync(process.execPath, ["-e", program], { cwd: folder, encoding: "utf8" }).trim(), "24");
});
