// An organization, an agent of its and a service, made by the `legation` command: what tests of the package act in.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const command = process.env.LEGATION_COMMAND ?? new URL("../../../../../target/debug/legation", import.meta.url).pathname;

export const AUDIENCE = "did:web:shop.example";
export const RESOURCE = "https://shop.example/tools";

/** `grants` are what the organization, a did:key, delegates to the agent. */
export function world({ actions = ["mcp:tools/call:*"], constraints = [], depth = 2 } = {}) {
  const place = mkdtempSync(join(tmpdir(), "legation-js-"));
  const run = (...args) => execFileSync(command, args, { cwd: place, encoding: "utf8" }).trim();
  for (const name of ["acme", "agent"]) run("key", "generate", "--out", `${name}.key`, "--insecure-plaintext");
  const [acme, agent] = ["acme", "agent"].map((name) => run("did", "create", "key", "--key", `${name}.key`).split("\n")[0]);
  const grant = actions.flatMap((action) => ["--action", action]);
  const limits = constraints.flatMap((one) => ["--constraint", JSON.stringify(one)]);
  run("delegate", "--key", "acme.key", "--to", agent, ...grant, "--resource", "https://shop.example/*", ...limits, "--max-depth", String(depth), "--valid-for", "1h", "--out", "chain");
  const key = JSON.parse(readFileSync(join(place, "agent.key"), "utf8"));
  const text = JSON.stringify({ ...key, chain: readFileSync(join(place, "chain"), "utf8").trim() });
  const file = join(place, "agent.json");
  writeFileSync(file, text);
  chmodSync(file, 0o600);
  const ceiling = { grants: [{ actions: ["mcp:tools/call:*", "http:*"], resources: ["https://shop.example/*"] }] };
  const trust = { audience: AUDIENCE, roots: [{ did: acme, ceiling }], maxUnrevocable: 86_400 };
  /** A delegation by a did:web with the organization's key. */
  const byWeb = (location) => {
    const did = run("did", "create", "web", location, "--key", "acme.key", "--out", "web").split("\n")[0];
    run("delegate", "--key", "acme.key", "--issuer", did, "--to", agent, "--action", "mcp:tools/call:*", "--resource", "https://shop.example/*", "--valid-for", "1h", "--out", "web-chain");
    return { did, chain: readFileSync(join(place, "web-chain"), "utf8").trim() };
  };
  return { place, run, acme, agent, text, file, trust, secret: key.d, byWeb };
}
