// The Model Context Protocol: a server whose tools are decided on before they run, and what a client sends, signed.
import { failure } from "./error.js";

const encoder = new TextEncoder();
const isShort = (text) => text.length <= 4096 && encoder.encode(text).length <= 4096;

const TOOL = /^[A-Za-z0-9_.-]{1,128}$/;

/** What a tool call asks for: `mcp:tools/call:NAME` on the server, with the tool's own arguments as facts. */
export function ofToolCall(name, args, resource) {
  if (typeof name !== "string" || !TOOL.test(name)) throw failure("input", "a tool's name has letters, digits, `_`, `.` and `-` only");
  const facts = {};
  for (const [key, value] of Object.entries(args ?? {})) {
    // A limit on an argument that is not there denies: what is left out here gives nothing away.
    const isFact = typeof value === "boolean" || Number.isSafeInteger(value) || (typeof value === "string" && isShort(value));
    if (isFact) facts[key] = value;
  }
  return { action: `mcp:tools/call:${name}`, resource, facts };
}

/** A denial as a tool's result, which the model reads: the code, the reason and the cure. */
export function denied(verdict) {
  const told = verdict.problem ?? verdict;
  const lines = [`denied: ${told.code}`, `expected ${told.expected}`, `found ${told.found}`, `what to do: ${told.cure}`];
  return { isError: true, content: [{ type: "text", text: lines.join("\n") }], _meta: { "legation/denial": told } };
}

/**
 * Decides every tool call of a server of the official SDK before it runs, however its tools are registered. `whom(extra)` says who
 * calls: what was signed, or the delegations of an agent that the server itself knows.
 *
 *   const server = withLegation(new McpServer({ name: "shop", version: "1" }), { verifier, resource, whom });
 */
export function withLegation(server, { verifier, resource, whom, signer }) {
  // `McpServer` has a `Server` inside; that one knows what was asked, whoever answers.
  const inner = server.server ?? server;
  const set = inner.setRequestHandler.bind(inner);
  if (inner._requestHandlers?.has?.("tools/call")) {
    throw failure("input", "wrap the server before its tools are registered; those that are there would not be decided on");
  }
  // What arrives says whether it calls a tool: a handler's own schema may take some calls only, and a fallback has none.
  const guarded = (handler) => async (request, extra) => {
    if (request.method !== "tools/call") return handler(request, extra);
    const { name, arguments: args } = request.params ?? {};
    const shown = await whom(extra);
    if (!shown) throw failure("unknown_caller", "nobody is known to call; sign the request");
    const verdict = await verifier.verify(shown, ofToolCall(name, args, resource), { signer });
    return verdict.decision === "permit" ? handler(request, extra) : denied(verdict);
  };
  inner.setRequestHandler = (schema, handler) => set(schema, guarded(handler));
  let fallback = inner.fallbackRequestHandler && guarded(inner.fallbackRequestHandler);
  Object.defineProperty(inner, "fallbackRequestHandler", {
    configurable: true,
    get: () => fallback,
    set: (handler) => {
      fallback = handler && guarded(handler);
    },
  });
  return server;
}

/** The `fetch` of a client's transport, signed: `new StreamableHTTPClientTransport(url, { fetch: signedFetch(agent) })`. */
export const signedFetch = (agent) => (url, init) => agent.fetch(url, init);
