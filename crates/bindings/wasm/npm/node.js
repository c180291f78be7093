// What only Node has: files, and a fetch that connects to no private address.
import { randomBytes } from "node:crypto";
import { open, readFile, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Agent } from "./agent.js";
import { failure } from "./error.js";

export { guardedFetch, isPublic } from "./guarded.js";

/** Puts a text in a file's place, whole and synced, readable by its owner alone. */
async function replace(path, text) {
  const beside = join(dirname(path), `.${randomBytes(9).toString("hex")}.tmp`);
  const file = await open(beside, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await rename(beside, path);
  } catch (error) {
    await file.close().catch(() => {});
    await unlink(beside).catch(() => {});
    throw error;
  }
}

/** An agent of its file. Delegations that are renewed are put into the file. */
export async function fromFile(path, options = {}) {
  const { mode } = await stat(path);
  if (process.platform !== "win32" && mode & 0o077) {
    throw failure("key_readable", `\`${path}\` can be read by others than its owner; chmod 600 it`);
  }
  const text = await readFile(path, "utf8");
  // The public part alone: the text has the key in it, and is not held on to.
  let x;
  const keep = async (chain) => {
    const file = JSON.parse(await readFile(path, "utf8"));
    if (x === file.x) await replace(path, JSON.stringify({ ...file, chain }));
  };
  const agent = Agent.fromText(text, { keep, ...options });
  ({ x } = JSON.parse(text));
  return agent;
}

/** An agent of the environment: `LEGATION_AGENT` holds an agent file's text, or `LEGATION_AGENT_FILE` its path. */
export async function fromEnvironment(options = {}) {
  const { LEGATION_AGENT: text, LEGATION_AGENT_FILE: path } = process.env;
  if (text) return Agent.fromText(text, options);
  if (path) return fromFile(path, options);
  throw failure("no_key", "set `LEGATION_AGENT_FILE` to an agent file, as `legation agent file NAME --own-key KEY --out FILE` writes it");
}
