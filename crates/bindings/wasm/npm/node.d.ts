import type { Agent, AgentOptions } from "./index.js";

/** Whether an address is of the open internet. */
export function isPublic(address: string): boolean;

/** As `fetch` for evidence: https, no redirects, no private addresses. */
export function guardedFetch(options?: { ca?: string | Uint8Array; allowPrivate?: boolean }): typeof globalThis.fetch;

/** An agent of its file, mode 0600. Delegations that are renewed are put into the file. */
export function fromFile(path: string, options?: AgentOptions): Promise<Agent>;

/** An agent of the environment: `LEGATION_AGENT` or `LEGATION_AGENT_FILE`. */
export function fromEnvironment(options?: AgentOptions): Promise<Agent>;
