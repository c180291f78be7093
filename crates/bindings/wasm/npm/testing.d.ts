import type { Acting } from "./ai.js";
import type { Agent, Terms, Verdict, Verifier, VerifierOptions } from "./index.js";

/** What an agent of a test may: `tools`, or `actions`, within `constraints`; everything where nothing is said. */
export type AgentTerms = Terms & { tools?: string[] };

/** A principal with a key in memory, a service that trusts it, and as many agents as are asked for. */
export class Organization {
  constructor(options?: { resource?: string; audience?: string });
  readonly root: Agent;
  readonly service: Agent;
  readonly approver: Agent;
  readonly resource: string;
  readonly audience: string;
  readonly did: string;
  readonly trust: object;
  agent(terms?: AgentTerms): Promise<Agent>;
  verifier(options?: VerifierOptions): Verifier;
  acting(terms?: AgentTerms & { verifier?: Verifier }): Promise<Acting>;
  needsApproval(options: { above: number; currency?: string }): object;
  approve(asked: object): Promise<string>;
}

export interface ToolCall {
  name: string;
  arguments: Record<string, unknown>;
  id: string;
}

/** A model whose words are known before. */
export class ScriptedModel {
  constructor(...words: (string | ToolCall)[]);
  static call(name: string, args?: Record<string, unknown>): ToolCall;
  readonly seen: unknown[];
  next(seen?: unknown): string | ToolCall;
  told(): string;
  /** A language model of the AI SDK. */
  forAi(): any;
}

/** Holds that something was denied with this code, and with a cure. */
export function assertDenied<Told>(code: string, given: Told | Promise<Told> | (() => Told | Promise<Told>)): Promise<Told | Error>;

/** Holds that a verdict permits. */
export function assertPermitted(given: Verdict | Promise<Verdict>): Promise<Verdict>;
