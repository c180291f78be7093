// The Vercel AI SDK: `generateText({ model, tools: guarded(acting, tools) })`. A call that needs an approval is a `tool-approval-request` of
// its own: `acting.approved(toolCallId, approval)`, then a `tool-approval-response` with `approved: true`.
import { failure } from "./error.js";

export { Acting } from "./acting.js";

const streams = (execute) => Object.prototype.toString.call(execute) === "[object AsyncGeneratorFunction]";

/** Decides each call of these tools before it runs; a denial is what the model reads. */
export function guarded(acting, tools) {
  return Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, one(acting, name, tool)]));
}

function one(acting, name, tool) {
  const { execute, needsApproval: own } = tool;
  if (typeof execute !== "function") throw failure("input", `the tool \`${name}\` has no \`execute\`: it runs elsewhere, where nothing here decides on it`);
  // The SDK asks before each call. What was decided is used up, so that it is decided once.
  const decided = new Map();
  const needsApproval = async (input, options) => {
    if (typeof own === "function" ? await own(input, options) : own) return true;
    let waits = false;
    const told = await acting.check(name, input, () => {
      waits = true;
    });
    if (!waits) decided.set(options.toolCallId, told);
    return waits;
  };
  const check = async (input, { toolCallId }) => {
    if (!decided.has(toolCallId)) return acting.check(name, input, () => acting.approvalOf(toolCallId));
    const told = decided.get(toolCallId);
    decided.delete(toolCallId);
    return told;
  };
  const answers = async (input, options) => (await check(input, options)) ?? execute(input, options);
  const streamed = async function* (input, options) {
    const told = await check(input, options);
    if (told === undefined) yield* execute(input, options);
    else yield told;
  };
  return { ...tool, needsApproval, execute: streams(execute) ? streamed : answers };
}
