// An agent that acts under the eyes of a verifier: what an adapter of a framework calls.
import { LegationError } from "./error.js";
import { denied, ofToolCall } from "./mcp.js";
import { nonce } from "./verifier.js";

/** Most approvals that wait for their call. */
const MAX_APPROVALS = 1000;

/**
 * `resource` is what tools act on, `https://…`. `verifier` decides: one in the agent's own program is its own restraint, and a service that is
 * acted on has another.
 */
export class Acting {
  #approvals = new Map();

  constructor(agent, verifier, resource, { modelResource = resource } = {}) {
    Object.assign(this, { agent, verifier, resource, modelResource });
  }

  async #decide(request, approvals) {
    const challenge = nonce();
    const presentation = await this.agent.present(this.verifier.audience, challenge);
    return this.verifier.verify({ presentation, nonce: challenge }, { ...request, approvals: [...approvals] });
  }

  /** Decides a call of a tool. `approvals` are those of a request that was denied with `approval_required`. */
  async onToolCall(name, args, { approvals = [] } = {}) {
    return this.#decide(ofToolCall(name, args, this.resource), approvals);
  }

  /** Decides a call of a model. */
  async onModelCall(model, facts = {}) {
    return this.#decide({ ...ofToolCall("model", facts, this.modelResource), action: "model:chat", facts: { ...facts, model } }, []);
  }

  /** Hands part of it over to a child: see `Agent.delegate`. */
  async delegateTo(terms) {
    return new Acting(await this.agent.delegate(terms), this.verifier, this.resource, { modelResource: this.modelResource });
  }

  /** Keeps the approval of a call, by its id, for frameworks that resume without saying anything. */
  approved(call, approval) {
    if (this.#approvals.size >= MAX_APPROVALS) this.#approvals.clear();
    this.#approvals.set(call, approval);
  }

  /** The approval that was kept, once. */
  approvalOf(call) {
    const approval = this.#approvals.get(call);
    this.#approvals.delete(call);
    return approval;
  }

  /**
   * `undefined` where the tool may run, and else what the model is told. A call that can't be judged is denied. `ask` gets the request that
   * somebody has to approve first, and gives the approval.
   */
  async check(name, args, ask) {
    try {
      let verdict = await this.onToolCall(name, args);
      if (verdict.code === "approval_required" && ask) {
        const approval = await ask(verdict.approval);
        if (approval) verdict = await this.onToolCall(name, args, { approvals: [approval] });
      }
      return verdict.decision === "permit" ? undefined : denied(verdict).content[0].text;
    } catch (error) {
      if (!(error instanceof LegationError)) throw error;
      return `denied: ${error.code}\n${error.message}`;
    }
  }
}
