import { evidence, raw } from "#module";
import { ask, call, failure, LegationError } from "./error.js";
import { get, read } from "./evidence.js";
import { bytes, seconds, snapshot, string } from "./snapshot.js";

const SELF = "/v1/self/delegation";
const MAX_BODY = 8 << 20;
const MAX_PROBLEM = 64 << 10;
/** Seconds for which nobody asks again after a denial led to asking. */
const PAUSE = 5;
const MAX_ORIGINS = 1000;
const inspect = Symbol.for("nodejs.util.inspect.custom");

const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

/** How WebCrypto is asked for a signature by a key. */
const algorithm = (key) => (key.algorithm.name === "ECDSA" ? { name: "ECDSA", hash: "SHA-256" } : { name: key.algorithm.name });

/**
 * An agent: its key, and the delegations that it acts by. The key stays in the module or in WebCrypto; nothing prints it.
 */
export class Agent {
  #holder;
  #sign;
  #given;
  #gateway;
  #origin;
  #keep;
  #knows = new Set();
  #renewing;
  #asked = 0;

  constructor(holder, { sign, fetch, gateway, keep } = {}) {
    if (!(holder instanceof raw.Holder)) {
      throw failure("input", "make an agent by `Agent.fromText`, `Agent.fromWebCrypto`, `Agent.generate` or `fromFile` of `legation/node`");
    }
    this.#holder = holder;
    this.#sign = sign;
    this.#given = fetch;
    this.#gateway = gateway === undefined ? undefined : new URL(gateway).origin;
    this.#keep = keep;
  }

  /** An agent of its file's text: a private JWK with `chain`, as `legation agent file NAME --own-key KEY --out FILE` writes it. */
  static fromText(text, { did, ...options } = {}) {
    return new Agent(call(() => raw.Holder.fromFile(string(text, "text"), did)), options);
  }

  /** An agent whose key WebCrypto holds, perhaps unextractable: Ed25519, or ECDSA with P-256. */
  static async fromWebCrypto({ privateKey, publicKey }, chain = "", { did, ...options } = {}) {
    const jwk = await crypto.subtle.exportKey("jwk", publicKey);
    const { kty, crv, x, y } = jwk;
    const holder = call(() => raw.Holder.elsewhere(snapshot({ kty, crv, x, y }, "publicKey"), string(chain, "chain"), did));
    const sign = async (message) => new Uint8Array(await crypto.subtle.sign(algorithm(privateKey), privateKey, message));
    return new Agent(holder, { ...options, sign });
  }

  /** An agent whose key is elsewhere, such as a secret manager's: `sign` takes bytes and gives 64, R and S. */
  static fromSigner(publicJwk, sign, chain = "", { did, ...options } = {}) {
    const holder = call(() => raw.Holder.elsewhere(snapshot(publicJwk, "publicJwk"), string(chain, "chain"), did));
    return new Agent(holder, { ...options, sign });
  }

  /** A new agent, a did:key, without delegations. */
  static generate(options = {}) {
    return new Agent(call(() => raw.Holder.generate()), options);
  }

  get did() {
    return this.#holder.did;
  }

  /** The delegations in compact form, joined by `~`. */
  get chain() {
    return this.#holder.chain;
  }

  /** What it is and what it may, with nothing secret. */
  describe() {
    return ask(() => this.#holder.describe());
  }

  toString() {
    return `Agent(${this.did})`;
  }

  toJSON() {
    return { did: this.did };
  }

  [inspect]() {
    return this.toString();
  }

  /** Does what needs one signature; `work` is called again with it where the key is elsewhere. For this package's own use. */
  async signed(work) {
    const answer = ask(() => work(this.#holder, undefined));
    if (answer.toSign === undefined) return answer;
    const signature = await this.#sign(fromBase64url(answer.toSign));
    const given = bytes(signature, "signature");
    return ask(() => work(this.#holder, given));
  }

  /** Presents the delegations to `audience`, in answer to `nonce`. */
  async present(audience, nonce, { now } = {}) {
    const at = seconds(now);
    const to = [string(audience, "audience"), string(nonce, "nonce")];
    return (await this.signed((holder, given) => holder.present(...to, given, at))).presentation;
  }

  /**
   * Signs a request: the headers to be set. It must be sent as it was signed, and once. `by: "digest"` names the delegations by
   * their digest, for a service that knows them.
   */
  async sign({ method = "GET", url, headers = [], body = "" }, { by = "chain", nonce = raw.nonce(), directory, now } = {}) {
    const at = seconds(now);
    const target = new URL(string(url, "url"));
    target.hash = "";
    const others = JSON.stringify([...new Headers(headers)].filter(([name]) => /^(signature|signature-input|signature-agent)$/.test(name)));
    const payload = bytes(body, "body");
    const name = string(method, "method");
    const work = (holder, given) =>
      holder.signRequest(name, this.#asSeen(target.href), others, payload, by === "digest", nonce, directory, given, at);
    return (await this.signed(work)).headers;
  }

  get #fetch() {
    return this.#given ?? globalThis.fetch.bind(globalThis);
  }

  /** A URL as its service sees it: a gateway answers for its organization's origin, wherever it is reached. */
  #asSeen(url) {
    if (this.#gateway === undefined || !url.startsWith(`${this.#gateway}/`)) return url;
    this.#origin ??= this.describe().origin ?? this.#gateway;
    return this.#origin + url.slice(this.#gateway.length);
  }

  /**
   * `fetch`, signed. A service that knows the delegations gets their digest, and themselves where it asks for them; they are
   * renewed where they end soon, or where a gateway denies for them.
   */
  fetch = async (input, init) => {
    const request = new Request(input, init);
    if (request.method === "CONNECT" || request.method === "TRACE") throw failure("input", `\`${request.method}\` is not signed`);
    const body = await read(request, MAX_BODY);
    const { origin } = new URL(request.url);
    if (this.#gateway === origin && seconds() >= this.#holder.due) await this.renew().catch(() => false);
    const nonce = raw.nonce();
    const send = async (by, nonce) => {
      const headers = new Headers(request.headers);
      for (const [name, value] of await this.sign({ method: request.method, url: request.url, headers, body }, { by, nonce })) {
        headers.set(name, value);
      }
      const { method, signal } = request;
      const redirect = request.redirect === "follow" ? "error" : request.redirect;
      return this.#fetch(request.url, { method, headers, body: body.length ? body : undefined, redirect, signal });
    };
    let answer = await send(this.#knows.has(origin) ? "digest" : "chain", nonce);
    if (this.#knows.has(origin) && answer.status === 401 && (await code(answer)) === "chain_unknown") {
      this.#knows.delete(origin);
      answer = await send("chain", nonce);
    }
    // What was denied for its delegations was not carried out, and may pass with newer ones.
    if (this.#gateway === origin && answer.status === 401 && (await this.#renewAfterDenial())) {
      answer = await send("chain", raw.nonce());
    }
    if (answer.status < 400) {
      if (this.#knows.size >= MAX_ORIGINS) this.#knows.clear();
      this.#knows.add(origin);
    }
    return answer;
  };

  async #renewAfterDenial() {
    const now = seconds();
    if (Math.abs(now - this.#asked) < PAUSE) return false;
    this.#asked = now;
    return this.renew().catch(() => false);
  }

  /** Gets newer delegations from the gateway: whether there were some. Calls at once share one. */
  renew() {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renew() {
    if (this.#gateway === undefined) throw failure("no_gateway", "name the `gateway` that gives this agent its delegations");
    const url = `${this.#gateway}${SELF}`;
    const headers = new Headers(await this.sign({ url }));
    const response = await this.#fetch(url, { headers, redirect: "error", signal: AbortSignal.timeout(10_000) });
    if (response.status !== 200) throw await refusal(response);
    const { chain } = JSON.parse(new TextDecoder().decode(await read(response, 256 << 10)));
    const text = Array.isArray(chain) ? chain.map((link) => string(link, "chain")).join("~") : "";
    if (text === this.chain) return false;
    call(() => this.#holder.renew(text));
    this.#knows.clear();
    await this.#keep?.(text);
    return true;
  }

  /**
   * Passes part of what it may on to a child with a key of its own, made here and now: an agent. `constraints` and times only narrow.
   * With `to`, a DID, the child is somebody else, and what comes is its delegations in compact form.
   */
  delegate({ to, now, ...terms } = {}) {
    return this.#passed("delegate", to, terms, now);
  }

  /** Grants something as the principal that it belongs to: the first delegation of a chain. As `delegate`, with `actions` and `resources`. */
  grant({ to, now, ...terms }) {
    return this.#passed("grant", to, terms, now);
  }

  async #passed(verb, to, terms, now) {
    const [text, at] = [snapshot(terms, "terms"), seconds(now)];
    const child = to === undefined ? call(() => raw.Holder.generate()) : undefined;
    const subject = child ? child.did : string(to, "to");
    const { chain } = await this.signed((holder, given) => holder[verb](subject, text, given, at));
    if (!child) return chain;
    call(() => child.renew(chain));
    return new Agent(child, { fetch: this.#given, gateway: this.#gateway });
  }

  /** Consents to one very request, once and for five minutes: `asked` is `approval` of a denial. What is given back goes into `approvals`. */
  async approve(asked, { now } = {}) {
    const [text, at] = [snapshot(asked, "asked"), seconds(now)];
    return (await this.signed((holder, given) => holder.approve(text, given, at))).approval;
  }

  /**
   * Meets the agent of a domain: fetches and verifies its card, then speaks the handshake. Gives its verified `card`, the callee's
   * signed `receipt` and the caller's own (`ownReceipt`). Whom it meets may be a stranger: where no `fetch` is given here or to the agent,
   * what fetches evidence is taken.
   */
  async meet(domain, { fetch = this.#given ?? evidence } = {}) {
    const url = new URL(domain.includes("://") ? domain : `https://${domain}`);
    if (url.pathname === "/") url.pathname = "/.well-known/agent-card.json";
    const card = await get(url.href, fetch, "application/json");
    const { did } = ask(() => raw.cardClaims(card));
    if (!did) throw failure("card_no_did", "the card declares no DID");
    const place = call(() => raw.documentUrl(did));
    const document = place ? await get(place, fetch, "application/did+json, application/json") : bytes(did, "did");
    const meeting = call(() => new raw.Meeting(this.#holder, card, document, seconds()));
    try {
      const { endpoint, message } = JSON.parse(meeting.hello());
      const post = (message) => exchange(endpoint, message, fetch);
      const challenge = await post(message);
      const now = seconds();
      const answer = await this.signed((holder, given) => meeting.answer(challenge, holder, given, now));
      const receipt = await post(answer.message);
      const ended = ask(() => meeting.finish(receipt, seconds()));
      if (!ended.met) throw new LegationError({ ...ended, message: `refused: expected ${ended.expected}, found ${ended.found}` });
      const own = await this.signed((holder, given) => raw.signMeeting(ended.record, holder, given));
      this.#knows.add(new URL(endpoint).origin);
      return { did: ended.callee, card: ended.card, transcript: ended.transcript, receipt: ended.receipt, ownReceipt: own.receipt };
    } finally {
      meeting.free();
    }
  }
}

async function exchange(endpoint, message, fetch) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(message),
    redirect: "error",
    credentials: "omit",
    signal: AbortSignal.timeout(10_000),
  });
  if (response.status !== 200) throw await refusal(response);
  return read(response, 256 << 10);
}

/** The code of a refusal, as problem details have it or as SDKs of models read it; the response stays readable. */
async function code(response) {
  try {
    const problem = JSON.parse(new TextDecoder().decode(await read(response.clone(), MAX_PROBLEM)));
    return problem?.code ?? problem?.error?.code;
  } catch {
    return undefined;
  }
}

/** A refusal as an error. */
export async function refusal(response) {
  let problem = {};
  try {
    problem = JSON.parse(new TextDecoder().decode(await read(response, MAX_PROBLEM))) ?? {};
  } catch {
    // What is no JSON says nothing that could be told.
  }
  const said = problem.error && typeof problem.error === "object" ? { ...problem, ...problem.error } : problem;
  const message = String(said.detail ?? said.message ?? `the answer was ${response.status}`).slice(0, 600);
  return new LegationError({ ...said, code: String(said.code ?? "refused"), message, status: response.status, problem });
}
