import type { Agent, Shown, Verdict, Verifier } from "./index.js";

/** What a tool call asks for: `mcp:tools/call:NAME`, with the arguments that can be facts. */
export function ofToolCall(
  name: string,
  args: Record<string, unknown> | undefined,
  resource: string,
): { action: string; resource: string; facts: Record<string, string | number | boolean> };

/** A denial as a tool's result, which the model reads. */
export function denied(verdict: Verdict): { isError: true; content: { type: "text"; text: string }[]; _meta: Record<string, unknown> };

/** Decides every tool call of a server of the official SDK before it runs, however its tools are registered: wrap it before they are. */
export function withLegation<Server extends object>(
  server: Server,
  options: { verifier: Verifier; resource: string; whom: (extra: any) => Shown | undefined | Promise<Shown | undefined>; signer?: Agent },
): Server;

/** The `fetch` of a client's transport, signed. */
export function signedFetch(agent: Agent): typeof globalThis.fetch;
