// A person in Chromium who is asked by a program: `node browser.mjs URL CODE ACTION…` types the code, ticks these actions and no others, allows, and
// prints the address that the browser is sent on to, which nobody answers. Both pages are looked at by axe. The bindings' tools bring Chromium's driver, and axe.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [url, code, ...allow] = process.argv.slice(2);
const require = createRequire(process.env.TOOLS);
const { chromium } = require("playwright-core");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// The policy of a page lets no script run, axe's included: it is put in from outside, in a context of its own with the same cookies.
const judge = async (context, what) => {
  const beside = await browser.newContext({ bypassCSP: true, storageState: await context.storageState() });
  const page = await beside.newPage();
  await page.goto(url);
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  await beside.close();
  if (found.violations.length) throw new Error(`${what}: ${found.violations.map((one) => one.id).join(", ")}`);
};

try {
  const context = await browser.newContext();
  await judge(context, "sign in");
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  const back = new Promise((found) => page.on("request", (request) => request.url().startsWith("http://127.0.0.1:9/") && found(request.url())));
  await page.goto(url);
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Allow", exact: true }).waitFor();
  await judge(context, "consent");
  for (const box of await page.getByRole("checkbox").all()) {
    await box.setChecked(allow.includes(await box.getAttribute("value")));
  }
  if (process.env.PICTURE) await page.screenshot({ path: process.env.PICTURE, fullPage: true });
  // What a policy of the page forbids is told here, also of where its form leads.
  if (problems.length) throw new Error(problems.join("; "));
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  const late = new Promise((_, fail) => setTimeout(() => fail(new Error(`it leads nowhere: ${problems.join("; ")}`)), 10000));
  console.log(await Promise.race([back, late]));
} finally {
  await browser.close();
}
