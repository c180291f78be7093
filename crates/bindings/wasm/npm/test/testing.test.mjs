// `legation/testing` and the adapter for the Vercel AI SDK, the real one, with a model whose words are scripted.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";

const place = process.env.LEGATION_PACKAGE ?? new URL("../../../../../target/packages/npm", import.meta.url).pathname;
const tools = createRequire(new URL("../../../../../target/bindings-tools/package.json", import.meta.url).pathname);
const others = (name) => import(pathToFileURL(tools.resolve(name)));
const { LegationError } = await import(`${place}/index.js`);
const { assertDenied, assertPermitted, Organization, ScriptedModel } = await import(`${place}/testing.js`);
const { guarded } = await import(`${place}/ai.js`);
const { generateText, stepCountIs, tool } = await others("ai");
const { z } = await others("zod");

const LIMIT = { type: "argument", name: "amount", max: 100 };
const say = ScriptedModel.call;

test("what is delegated is permitted and the rest denied", async () => {
  const acting = await new Organization().acting({ tools: ["buy"], constraints: [LIMIT] });
  await assertPermitted(acting.onToolCall("buy", { amount: 100 }));
  await assertDenied("constraint_violated", acting.onToolCall("buy", { amount: 101 }));
  await assertDenied("not_granted", () => acting.onToolCall("sell", {}));
  await assertDenied("not_granted", acting.onModelCall("small"));
  const child = await acting.delegateTo({ constraints: [{ ...LIMIT, max: 10 }] });
  await assertDenied("constraint_violated", child.onToolCall("buy", { amount: 11 }));
  const models = await new Organization().acting({ actions: ["model:*"] });
  await assertPermitted(models.onModelCall("small", { tokens: 7 }));
});

test("a child has a budget of its own", async () => {
  const acting = await new Organization().acting();
  const child = await acting.delegateTo({ budget: "0.50USD" });
  await assertPermitted(child.onToolCall("search", { amount: 50, currency: "USD" }));
  await assertDenied("budget_exceeded", child.onToolCall("search", { amount: 1, currency: "USD" }));
  await assertDenied("input", acting.delegateTo({ budget: "0.505USD" }));
});

test("assertions fail where nothing was denied", async () => {
  const acting = await new Organization().acting({ tools: ["buy"] });
  const denied = await acting.onToolCall("sell", {});
  for (const wrong of [acting.onToolCall("buy", {}), denied, "bought tea", "denied: not_granted", undefined]) {
    await assert.rejects(assertDenied("revoked", wrong), /`revoked` was expected/);
  }
  await assert.rejects(assertPermitted(denied), /not_granted/);
  await assert.rejects(assertDenied("revoked", () => Promise.reject(new TypeError("a fault"))), TypeError);
  const other = new Organization();
  await assertDenied("root_untrusted", (await new Organization().acting({ verifier: other.verifier() })).onToolCall("buy", {}));
});

test("the first delegation needs its terms", async () => {
  const organization = new Organization();
  for (const terms of [{ actions: [] }, { actions: ["not an action"] }, { validFor: 0 }, { unknown: 1 }, { maxDepth: -1 }]) {
    await assert.rejects(organization.agent(terms), LegationError, JSON.stringify(terms));
  }
  await assert.rejects(organization.approve({ type: "LegationApprovalRequest" }), LegationError);
});

function shop(bought) {
  const buying = z.object({ item: z.string(), amount: z.number(), currency: z.string() });
  const run = (verb) => async ({ item, amount }) => {
    bought.push([item, amount]);
    return `${verb} ${item}`;
  };
  return {
    buy: tool({ description: "Buys an item for an amount in cents.", inputSchema: buying, execute: run("bought") }),
    sell: tool({ description: "Sells an item.", inputSchema: z.object({ item: z.string() }), execute: run("sold") }),
  };
}

test("a denial goes back to the model with its cure, and what is delegated runs once decided", async () => {
  const bought = [];
  // One call within its window: were it debited when the SDK asks and again when the tool runs, nothing would be bought.
  const acting = await new Organization().acting({ tools: ["buy"], constraints: [LIMIT, { type: "rate", max: 1, seconds: 60 }] });
  const buy = (amount) => say("buy", { item: "tea", amount, currency: "USD" });
  const script = new ScriptedModel(buy(500), say("sell", { item: "tea" }), buy(40), buy(40), "done");
  const { text } = await generateText({ model: script.forAi(), tools: guarded(acting, shop(bought)), prompt: "tea, please", stopWhen: stepCountIs(9) });
  assert.deepEqual([text, bought], ["done", [["tea", 40]]]);
  for (const code of ["constraint_violated", "not_granted", "rate_exceeded"]) assert.match(script.told(), new RegExp(`denied: ${code}`));
  assert.match(script.told(), /what to do: /);
  assert.throws(() => guarded(acting, { far: { description: "runs elsewhere" } }), { code: "input" });
});

test("an approval is the SDK's own request, and goes on after it", async () => {
  for (const approves of [true, false]) {
    const [bought, organization] = [[], new Organization()];
    const acting = await organization.acting({ constraints: [organization.needsApproval({ above: 50 })] });
    const call = say("buy", { item: "tea", amount: 90, currency: "USD" });
    const script = new ScriptedModel(call, "done");
    const options = { model: script.forAi(), tools: guarded(acting, shop(bought)), stopWhen: stepCountIs(9) };
    const messages = [{ role: "user", content: "tea, please" }];
    const waiting = await generateText({ ...options, messages });
    const asked = waiting.content.find(({ type }) => type === "tool-approval-request");
    assert.deepEqual([asked.toolCall.toolCallId, bought], [call.id, []]);
    // Whoever says yes without an approval changes nothing.
    if (approves) acting.approved(call.id, await organization.approve(await acting.onToolCall("buy", asked.toolCall.input)));
    const answer = { role: "tool", content: [{ type: "tool-approval-response", approvalId: asked.approvalId, approved: true }] };
    const { text } = await generateText({ ...options, messages: [...messages, ...waiting.response.messages, answer] });
    assert.deepEqual([text, bought], ["done", approves ? [["tea", 90]] : []]);
    assert.equal(script.told().includes("denied: approval_required"), !approves);
  }
});

test("a tool that streams is decided on like any other", async () => {
  const acting = await new Organization().acting({ tools: ["count"], constraints: [LIMIT] });
  const counting = { inputSchema: z.object({ amount: z.number() }), execute: async function* () { yield "one"; yield "two"; } };
  const { count } = guarded(acting, { count: counting });
  const all = async (amount) => {
    const said = [];
    for await (const one of count.execute({ amount }, { toolCallId: `c${amount}` })) said.push(one);
    return said;
  };
  assert.deepEqual(await all(1), ["one", "two"]);
  assert.match((await all(101))[0], /denied: constraint_violated/);
});

test("Vitest runs it", () => {
  const folder = mkdtempSync(join(tmpdir(), "legation-vitest-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(place, join(folder, "node_modules/legation"));
  symlinkSync(dirname(tools.resolve("vitest/package.json")), join(folder, "node_modules/vitest"));
  const written = `
    import { expect, test } from "vitest";
    import { assertDenied, Organization } from "legation/testing";
    test("it buys up to its limit", async () => {
      const acting = await new Organization().acting({ tools: ["buy"], constraints: [{ type: "argument", name: "amount", max: 100 }] });
      await assertDenied("constraint_violated", acting.onToolCall("buy", { amount: 101 }));
      await expect(assertDenied("revoked", acting.onToolCall("buy", { amount: 1 }))).rejects.toThrow("permitted");
    });`;
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(join(folder, "limit.test.js"), written);
  const program = join(dirname(tools.resolve("vitest/package.json")), "vitest.mjs");
  const said = execFileSync(process.execPath, [program, "run", "--root", folder, "--reporter=json"], { cwd: folder, encoding: "utf8" });
  const { numPassedTests, numFailedTests } = JSON.parse(said.slice(said.indexOf("{")));
  assert.deepEqual([numPassedTests, numFailedTests], [1, 0], said);
});
