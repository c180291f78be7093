// A person in Chromium who is asked by a program: `node browser.mjs URL CODE ACTION…` types the code, ticks these actions and no others, allows, and
// prints the address that the browser is sent on to, which nobody answers. The bindings' tools bring Chromium's driver.
import { createRequire } from "node:module";

const [url, code, ...allow] = process.argv.slice(2);
const require = createRequire(process.env.TOOLS);
const { chromium } = require("playwright-core");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  const back = new Promise((found) => page.on("request", (request) => request.url().startsWith("http://127.0.0.1:9/") && found(request.url())));
  await page.goto(url);
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Allow", exact: true }).waitFor();
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
