// What tests of a program that acts by delegations need, in Vitest, `node:test` or any other: an organization in memory, a model whose words
// are scripted, assertions. Decided is by the same code as everywhere; only keys and trust are made here and now, and nothing is fetched.
import { Acting } from "./acting.js";
import { Agent } from "./agent.js";
import { LegationError } from "./error.js";
import { Verifier } from "./verifier.js";

/** What an organization of a test may grant: all that there is. */
const ACTIONS = ["mcp:*", "http:*", "model:*", "a2a:*"];
/** Seconds for which a delegation of a test may last: none of it is published, so that none is revoked. */
const DAY = 86_400;

/** A principal with a key in memory, a service that trusts it, and as many agents as are asked for. */
export class Organization {
  constructor({ resource = "https://shop.example/tools", audience } = {}) {
    [this.root, this.service, this.approver] = [Agent.generate(), Agent.generate(), Agent.generate()];
    Object.assign(this, { resource, audience: audience ?? this.service.did });
  }

  get did() {
    return this.root.did;
  }

  /** An agent that may use `tools`, or `actions`, within `constraints`; everything where nothing is said. */
  agent({ tools, actions = tools?.map((tool) => `mcp:tools/call:${tool}`) ?? ACTIONS, ...terms } = {}) {
    return this.root.grant({ resources: [this.resource], maxDepth: 4, actions, ...terms });
  }

  /** What a verifier is told to believe. */
  get trust() {
    const ceiling = { grants: [{ actions: ACTIONS, resources: [this.resource] }] };
    return { audience: this.audience, roots: [{ did: this.did, ceiling }], maxUnrevocable: DAY, maxOfflineChild: DAY, vouched: true };
  }

  /** A verifier of its own memory, which fetches nothing. */
  verifier(options = {}) {
    return new Verifier(this.trust, { fetch: null, ...options });
  }

  /** An agent, and the verifier that it acts under. */
  async acting({ verifier = this.verifier(), ...terms } = {}) {
    return new Acting(await this.agent(terms), verifier, this.resource);
  }

  /** A constraint: `approve` has to be asked for amounts above this. */
  needsApproval({ above, currency = "USD" }) {
    return { type: "approval", above, currency, approvers: [this.approver.did], threshold: 1 };
  }

  /** The approver's consent: of a verdict, or the request itself. */
  approve(asked) {
    return this.approver.approve(asked.approval ?? asked);
  }
}

/**
 * A model whose words are known before: texts, and `call`s of tools. `next` gives one after the other, and `seen` is what it was told before
 * each. `forAi` makes a model of the Vercel AI SDK of it.
 */
export class ScriptedModel {
  #words;
  seen = [];

  constructor(...words) {
    this.#words = words;
  }

  /** Words that call a tool. */
  static call(name, args = {}) {
    return { name, arguments: args, id: `call-${crypto.randomUUID()}` };
  }

  /** What it says now. */
  next(seen) {
    this.seen.push(seen);
    if (this.#words.length === 0) throw new Error("the scripted model has nothing more to say");
    return this.#words.shift();
  }

  /** All that it was told, as text, for an assertion. */
  told() {
    return this.seen.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n");
  }

  /** A language model of the AI SDK (`LanguageModelV3`). */
  forAi() {
    const doGenerate = async ({ prompt }) => {
      const said = this.next(prompt);
      const usage = { inputTokens: { total: 0 }, outputTokens: { total: 0 } };
      if (typeof said === "string") return { content: [{ type: "text", text: said }], finishReason: { unified: "stop" }, usage, warnings: [] };
      const call = { type: "tool-call", toolCallId: said.id, toolName: said.name, input: JSON.stringify(said.arguments) };
      return { content: [call], finishReason: { unified: "tool-calls" }, usage, warnings: [] };
    };
    const doStream = async () => {
      throw new Error("a scripted model does not stream");
    };
    return { specificationVersion: "v3", provider: "legation", modelId: "scripted", supportedUrls: {}, doGenerate, doStream };
  }
}

function codeOf(told) {
  if (told instanceof LegationError) return told.code;
  if (typeof told === "string") return told.match(/denied: ([a-z_]+)/)?.[1];
  if (told?.decision === "permit" || told?.decision === "valid") return undefined;
  return told?.code ?? told?._meta?.["legation/denial"]?.code;
}

/**
 * Holds that something was denied with this code, and with a cure: a verdict, an error, the answer of a tool, the text that a model read, a
 * promise of one, or a function that throws. Gives what was denied.
 */
export async function assertDenied(code, given) {
  let told;
  try {
    told = await (typeof given === "function" ? given() : given);
  } catch (error) {
    if (!(error instanceof LegationError)) throw error;
    told = error;
  }
  const found = codeOf(told);
  if (found !== code) throw new Error(`\`${code}\` was expected, and it was ${found ? `\`${found}\`` : "permitted"}`);
  if (told.decision === "deny" && !told.cure) throw new Error(`\`${code}\` says nothing of what to do`);
  return told;
}

/** Holds that a verdict permits. */
export async function assertPermitted(given) {
  const verdict = await given;
  if (verdict.decision === "permit" || verdict.decision === "valid") return verdict;
  throw new Error(`it was denied: ${verdict.code}, ${verdict.reason}; ${verdict.cure}`);
}
