// The console in Chromium: from nothing to a revoked agent by clicks alone, each page by axe, and pictures.
// `node look.mjs ORIGIN CODE AGENT PICTURES GATEWAY KEY`; the bindings' tools bring Chromium's driver and axe.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [origin, code, agent, pictures, gateway, key] = process.argv.slice(2);
// A call of another agent, which is answered whatever becomes of that one.
const call = async () => {
  const body = JSON.stringify({ model: "scripted", messages: [{ role: "user", content: "hello" }] });
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  return (await fetch(`${gateway}/v1/chat/completions`, { method: "POST", headers, body })).status;
};
const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const require = createRequire(join(here, "../../../../target/bindings-tools/package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

let failed = 0;
const say = (good, what) => {
  if (!good) failed += 1;
  console.log(`${good ? "ok" : "FAILED"}: ${what}`);
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
mkdirSync(pictures, { recursive: true });

// The policy lets no script run, axe's included; it is put in from outside, and the policy is looked at by itself.
const open = (more) => browser.newContext({ viewport: { width: 1200, height: 900 }, bypassCSP: true, ...more });

const judge = async (page, what) => {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const told = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`);
  say(told.length === 0, `${what}: axe finds nothing${told.length ? `, but ${told.join("; ")}` : ""}`);
};

try {
  const context = await open({});
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));

  await page.goto(`${origin}/console`);
  await judge(page, "sign in");
  const began = Date.now();
  await page.getByLabel("Code").fill(code);
  let clicks = 0;
  const click = async (locator) => {
    clicks += 1;
    await locator.click();
    await page.waitForLoadState();
  };
  await click(page.getByRole("button", { name: "Sign in" }));
  await judge(page, "overview");
  await page.screenshot({ path: join(pictures, "overview.png") });
  say(await page.getByText("First steps").first().isVisible(), "the first steps are at hand");
  await click(page.getByRole("link", { name: "Agents", exact: true }));
  await judge(page, "agents");
  await click(page.getByRole("link", { name: agent, exact: true }));
  await judge(page, "agent");
  await page.screenshot({ path: join(pictures, "agent.png") });
  await click(page.getByRole("link", { name: "Revoke its delegation" }));
  await judge(page, "revoke");
  await click(page.getByRole("button", { name: "Revoke its delegation" }));
  say(await page.getByText("Nothing:").isVisible(), "the agent may do nothing any more");
  await judge(page, "a revoked agent");
  const took = (Date.now() - began) / 1000;
  say(clicks <= 6 && took < 60, `revoked by ${clicks} clicks in ${took.toFixed(1)} s`);

  await page.goto(`${origin}/console/first-steps`);
  await judge(page, "first steps");

  // A delegation: what is wider than the team is refused at its field, what fits is seen and then issued.
  await click(page.getByRole("link", { name: "Delegate", exact: true }));
  await judge(page, "delegate");
  await page.getByLabel("Name:").fill("reader");
  await page.getByLabel("Budgets").fill("1USD/day");
  await page.getByLabel("Further actions").fill("http:GET");
  await page.getByLabel("What these are on").fill("https://crm.example/*");
  await click(page.getByRole("button", { name: "Preview" }));
  say(await page.getByRole("alert").getByText("action_widened").isVisible(), "what is wider is refused by its rule");
  say((await page.getByLabel("Further actions").getAttribute("aria-invalid")) === "true", "at its field");
  await judge(page, "a delegation that is refused");
  await page.screenshot({ path: join(pictures, "refused.png"), fullPage: true });
  problems.splice(0); // The browser tells of the status of the page.
  await page.getByLabel("Further actions").fill("");
  await page.getByLabel("What these are on").fill("");
  await page.getByLabel("all models").check();
  await click(page.getByRole("button", { name: "Preview" }));
  say(await page.getByText("Nothing is issued yet.").isVisible(), "what fits is seen before it is issued");
  await judge(page, "what is seen before");
  await page.screenshot({ path: join(pictures, "delegate.png"), fullPage: true });
  await click(page.getByRole("button", { name: "Issue it" }));
  say(page.url() === `${origin}/console/agents/reader`, "it is issued");

  await click(page.getByRole("link", { name: "Policies", exact: true }));
  await judge(page, "policies");
  await click(page.getByRole("link", { name: "quiet", exact: true }));
  await judge(page, "a policy");
  await click(page.getByRole("link", { name: "with version 2", exact: true }));
  say(await page.locator("ins").first().isVisible(), "what differs is shown");
  await judge(page, "what differs between two versions");
  await click(page.getByRole("button", { name: "Test" }));
  say(await page.getByText("Would be denied:").isVisible(), "what would change is told");
  await judge(page, "what would change");
  await page.screenshot({ path: join(pictures, "policy.png"), fullPage: true });

  await click(page.getByRole("link", { name: "Decisions", exact: true }));
  await judge(page, "decisions");
  // Live: a call that is made now comes by itself, once.
  await page.getByText("Live.").waitFor({ timeout: 20000 });
  const rows = () => page.locator("main table tbody tr").count();
  const before = await rows();
  const status = await call();
  await page.waitForFunction((count) => document.querySelectorAll("main table tbody tr").length > count, before, { timeout: 20000 });
  say((await rows()) > before, `a call that was answered by ${status} comes to the page by itself`);
  await judge(page, "decisions with one that came");
  await click(page.getByRole("button", { name: "Pause" }));
  say(await page.getByText("Paused.").isVisible(), "it can be paused");
  const paused = await rows();
  await call();
  await page.waitForTimeout(2500);
  say((await rows()) === paused, "nothing comes meanwhile");
  await click(page.getByRole("button", { name: "Go on" }));
  await page.waitForFunction((count) => document.querySelectorAll("main table tbody tr").length > count, paused, { timeout: 20000 });
  say((await rows()) > paused, "and then all of it");
  const first = page.locator("main table a").first();
  if (await first.count()) {
    await click(first);
    await judge(page, "a decision");
    await page.screenshot({ path: join(pictures, "decision.png") });
  } else say(false, "a decision is there");
  await click(page.getByRole("link", { name: "Approvals", exact: true }));
  await judge(page, "approvals");
  const asked = page.locator("main table a").first();
  if (await asked.count()) {
    await click(asked);
    await judge(page, "an approval");
    await page.getByLabel("Reason, which the agent is told").fill("not today");
    await click(page.getByRole("button", { name: "Refuse" }));
    say(await page.getByText("refused").first().isVisible(), "a request is refused");
    await judge(page, "a request that is refused");
  } else say(false, "a request that waits is there");
  await click(page.getByRole("link", { name: "Spend", exact: true }));
  await judge(page, "spend");

  // By the keyboard: the first stop leads past the navigation.
  await page.keyboard.press("Tab");
  say((await page.evaluate(() => document.activeElement.textContent)) === "To the content", "the first stop of the keyboard skips to the content");

  // In the dark, and on a phone: nothing is wider than the screen.
  const { cookies } = await context.storageState();
  for (const [what, more] of [["dark", { colorScheme: "dark" }], ["phone", { viewport: { width: 360, height: 740 } }]]) {
    const other = await open(more);
    await other.addCookies(cookies);
    const small = await other.newPage();
    for (const path of ["/console", "/console/agents", `/console/agents/${agent}`, "/console/decisions", "/console/spend", "/console/first-steps", "/console/delegate", "/console/policies", "/console/policies/quiet?version=1&against=2"]) {
      await small.goto(`${origin}${path}`);
      await judge(small, `${what} ${path}`);
      const wide = await small.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      say(wide <= 0, `${what} ${path}: as wide as the screen${wide > 0 ? `, but ${wide} px more` : ""}`);
    }
    await small.screenshot({ path: join(pictures, `${what}.png`) });
    await other.close();
  }

  // Without a script all of it is there; with the policy in force nothing is refused that a page needs.
  const plain = await browser.newContext({ javaScriptEnabled: false });
  await plain.addCookies(cookies);
  const bare = await plain.newPage();
  await bare.goto(`${origin}/console/agents`);
  say(await bare.getByRole("link", { name: agent, exact: true }).isVisible(), "without a script the agents are there");
  await bare.goto(`${origin}/console/decisions`);
  say((await bare.locator("main table tbody tr").count()) > 0, "without a script the decisions are there");
  say(!(await bare.locator("#live").isVisible()), "and nothing says that they are live");
  const held = await browser.newContext();
  await held.addCookies(cookies);
  const strict = await held.newPage();
  const refused = [];
  strict.on("console", (message) => message.type() === "error" && refused.push(message.text()));
  // The script runs under the policy, which lets it write no markup.
  await strict.goto(`${origin}/console/decisions`);
  await strict.getByText("Live.").waitFor({ timeout: 20000 });
  const blocked = await strict.evaluate(() => {
    try {
      document.querySelector("main").innerHTML = "<p>markup</p>";
      return false;
    } catch {
      return true;
    }
  });
  say(blocked, "no script writes markup");
  refused.splice(0);
  await strict.goto(`${origin}/console/agents/${agent}`);
  say(refused.length === 0, `the policy refuses nothing of our own ${refused.join("; ")}`);
  say((await strict.evaluate(() => getComputedStyle(document.body).margin)) === "0px", "the style is there");

  await click(page.getByRole("button", { name: "Sign out" }));
  await page.goto(`${origin}/console/agents`);
  say(page.url() === `${origin}/console/sign-in`, "who has signed out is out");
  say(problems.length === 0, `nothing goes wrong in the browser ${problems.join("; ")}`);
} finally {
  await browser.close();
}
console.log(`${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
