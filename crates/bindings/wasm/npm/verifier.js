import { evidence as evidenceFetch, raw } from "#module";
import { ask, call, failure } from "./error.js";
import { bring } from "./evidence.js";
import { bytes, seconds, snapshot, string } from "./snapshot.js";

/** For how long evidence is fetched for one decision, milliseconds. Then it is decided with what is there. */
const DEADLINE = 20_000;

const asked = (request) => (request === undefined ? undefined : snapshot(request, "request"));

/**
 * A verifier: its trust, the evidence that it has, and what was used up. What it permits is used up in this process: several that
 * answer for one service need a ledger that they share, which a gateway has.
 */
export class Verifier {
  #desk;
  #fetch;
  #audience;

  /**
   * @param trust settings, as `trust.schema.json` describes them
   * @param options.evidence documents and lists that are at hand
   * @param options.ledger bounds of what is remembered
   * @param options.fetch what fetches evidence; `null` for none. In Node, where nothing else is said, from the open internet alone
   * @param options.startedAt Unix seconds: what was signed before is refused, since it may have been used already
   */
  constructor(trust, { evidence, ledger, fetch = evidenceFetch, startedAt } = {}) {
    const believed = snapshot(trust, "trust");
    this.#desk = call(() => new raw.Desk(believed, ledger === undefined ? undefined : snapshot(ledger, "ledger")));
    this.#audience = JSON.parse(believed).audience;
    this.#fetch = fetch;
    if (evidence !== undefined) this.setEvidence(evidence);
    if (startedAt !== undefined) call(() => this.#desk.beginAt(seconds(startedAt)));
  }

  /** Whom presentations have to be made for. */
  get audience() {
    return this.#audience;
  }

  setEvidence(evidence) {
    call(() => this.#desk.setEvidence(snapshot(evidence, "evidence")));
  }

  #look(shown, request, now) {
    const desk = this.#desk;
    const wanted = asked(request);
    if (shown.presentation !== undefined) {
      const nonce = string(shown.nonce, "nonce");
      return call(() => desk.lookAtPresentation(bytes(shown.presentation, "presentation"), nonce, wanted, now));
    }
    if (shown.vouched !== undefined) {
      const { agent, knownBy } = shown.vouched;
      const chain = string(shown.chain, "chain");
      return call(() => desk.lookAtVouched(chain, string(agent, "agent"), string(knownBy, "knownBy"), wanted, now));
    }
    const headers = JSON.stringify([...shown.headers].map(([name, value]) => [string(name, "headers"), string(value, "headers")]));
    const body = shown.body === undefined ? new Uint8Array() : bytes(shown.body, "body");
    return call(() => desk.lookAtRequest(string(shown.method, "method"), string(shown.url, "url"), headers, body, wanted, now));
  }

  #signed(look, verdict, signer) {
    const receipt = () => signer?.signed((holder, given) => this.#desk.receipt(look, holder, given));
    return signer ? receipt().then(({ receipt }) => ({ ...verdict, receipt })) : verdict;
  }

  /** Decides with the evidence that is at hand: nothing is fetched. */
  decide(shown, request, { now } = {}) {
    const at = seconds(now);
    const look = this.#look(shown, request, at);
    try {
      return ask(() => this.#desk.decide(look, false, at));
    } finally {
      look.free();
    }
  }

  /**
   * Decides, and fetches what it takes. `signer`, an agent whose DID is the trust's audience, signs the `receipt`.
   * The answer is a verdict, whether it permits or denies; an error is thrown where what was given is no question.
   */
  async verify(shown, request, { now, signer } = {}) {
    const at = seconds(now);
    const look = this.#look(shown, request, at);
    try {
      const until = performance.now() + DEADLINE;
      for (;;) {
        const answer = ask(() => this.#desk.decide(look, Boolean(this.#fetch) && performance.now() < until, at));
        if (!answer.needs) return await this.#signed(look, answer, signer);
        await bring(look, answer.needs, this.#fetch, at);
      }
    } finally {
      look.free();
    }
  }
}

/** Decides once, with what is given and nothing else. */
export function verify({ trust, evidence, ledger, request, now, ...shown }) {
  return new Verifier(trust, { evidence, ledger, fetch: null }).decide(shown, request, { now });
}

/** Verifies an agent card by the document of its DID, or by a JWK set that the caller trusts. */
export function verifyCard(card, { document, jwks, now }) {
  const given = bytes(card, "card");
  if (jwks !== undefined) return ask(() => raw.verifyCardByKeys(given, bytes(snapshot(jwks, "jwks"), "jwks")));
  if (document === undefined) throw failure("input", "`document` or `jwks` must be given: whose keys verify the card");
  return ask(() => raw.verifyCard(given, bytes(document, "document"), seconds(now)));
}

/** Verifies a signed receipt by its signer's DID document, or a did:key. */
export const verifyReceipt = (receipt, document) =>
  ask(() => raw.verifyReceipt(string(receipt, "receipt"), bytes(document, "document")));

/**
 * Verifies the proof of an entry of a log, and decides the entry again, with nothing but this text. Without `document` the
 * organization's own word is taken for its document (`ownWord`).
 */
export const verifyEntry = (proof, { document } = {}) =>
  ask(() => raw.verifyEntry(string(proof, "proof"), document === undefined ? undefined : bytes(document, "document")));

/** The URL of a did:web's document; `undefined` for another method. */
export const documentUrl = (did) => call(() => raw.documentUrl(string(did, "did")));

/** A nonce of 144 random bits, for a challenge. */
export const nonce = () => call(() => raw.nonce());
