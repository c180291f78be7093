import type { Agent, Verdict, Verifier } from "./index.js";

/** An agent that acts under the eyes of a verifier. */
export class Acting {
  constructor(agent: Agent, verifier: Verifier, resource: string, options?: { modelResource?: string });
  readonly agent: Agent;
  readonly verifier: Verifier;
  readonly resource: string;
  onToolCall(name: string, args: Record<string, unknown>, options?: { approvals?: Iterable<string> }): Promise<Verdict>;
  onModelCall(model: string, facts?: Record<string, string | number | boolean>): Promise<Verdict>;
  delegateTo(terms: Parameters<Agent["delegate"]>[0]): Promise<Acting>;
  /** Keeps the approval of a call, by its id. */
  approved(call: string, approval: string): void;
  approvalOf(call: string): string | undefined;
  /** `undefined` where the tool may run, and else what the model is told. */
  check(
    name: string,
    args: Record<string, unknown>,
    ask?: (asked: object) => string | undefined | void | Promise<string | undefined | void>,
  ): Promise<string | undefined>;
}

/** Decides each call of these tools of the AI SDK before it runs; a denial is what the model reads. */
export function guarded<Tools extends Record<string, object>>(acting: Acting, tools: Tools): Tools;
