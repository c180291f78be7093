/** Why there is no answer. `code` is stable; of a rule that was broken `expected`, `found`, `link` and `cure` say more. */
export class LegationError extends Error {
  constructor(told: { code: string; message: string }, options?: ErrorOptions);
  readonly code: string;
  readonly expected?: string;
  readonly found?: string;
  readonly link?: number;
  readonly cure?: string;
  readonly status?: number;
  readonly problem?: Record<string, unknown>;
}

/** A value of a fact: a text, an integer up to 2^53-1, or true or false. */
export type Fact = string | number | bigint | boolean;

/** What is asked for. A text is taken as such an object's JSON. */
export type Asked = { action: string; resource: string; facts?: Record<string, Fact>; approvals?: string[] } | string;

/** Plain JSON data, or the text of it. */
export type Data = string | object;

/** The answer, as `verdict.schema.json` describes it. */
export interface Verdict {
  decision: "permit" | "valid" | "deny";
  code: string | null;
  link: number | null;
  reason: string | null;
  principal: string | null;
  agent: string | null;
  chain: { issuer: string; subject: string; digest: string; validUntil: string }[];
  effective: object | null;
  evidence: object[];
  /** Of a denial: what would have passed, what was there, what to do. */
  expected?: string;
  found?: string;
  cure?: string;
  remedy?: { by: string; changes: object[]; text: string };
  /** Of a denial: what HTTP answers (RFC 9457). */
  problem?: { status: number; code: string; detail: string; [member: string]: unknown };
  /** With `approval_required`: what `legation approve` takes. */
  approval?: object;
  /** Where a `signer` was given: the signed receipt. */
  receipt?: string;
}

/** What is shown: a presentation and the nonce that it answers; a signed request; or delegations of an agent that is vouched for. */
export type Shown =
  | { presentation: string | Uint8Array; nonce: string }
  | { method: string; url: string; headers: Iterable<[string, string]>; body?: string | Uint8Array }
  | { chain: string; vouched: { agent: string; knownBy: string } };

export interface VerifierOptions {
  evidence?: Data;
  ledger?: Data;
  /** What fetches evidence; `null` for none. In Node, where nothing else is said, from addresses of the open internet alone. */
  fetch?: typeof globalThis.fetch | null;
  /** Unix seconds: what was signed before is refused, since it may have been used already. */
  startedAt?: number;
}

/** A verifier. What it permits is used up in this process. */
export class Verifier {
  constructor(trust: Data, options?: VerifierOptions);
  /** Whom presentations have to be made for. */
  readonly audience: string;
  setEvidence(evidence: Data): void;
  /** Decides with the evidence that is at hand. */
  decide(shown: Shown, request?: Asked, options?: { now?: number | Date }): Verdict;
  /** Decides, and fetches what it takes. `signer`'s DID is the trust's audience. */
  verify(shown: Shown, request?: Asked, options?: { now?: number | Date; signer?: Agent }): Promise<Verdict>;
}

/** Decides once, with what is given and nothing else. */
export function verify(options: Shown & { trust: Data; evidence?: Data; ledger?: Data; request?: Asked; now?: number | Date }): Verdict;

/** Verifies an agent card by the document of its DID, or by a JWK set that the caller trusts. */
export function verifyCard(
  card: string | Uint8Array,
  options: { document?: string | Uint8Array; jwks?: Data; now?: number | Date },
): Record<string, unknown>;

/** Verifies a signed receipt by its signer's DID document, or a did:key. */
export function verifyReceipt(receipt: string, document: string | Uint8Array): Record<string, unknown>;

/** Verifies the proof of an entry of a log, and decides the entry again. */
export function verifyEntry(proof: string, options?: { document?: string | Uint8Array }): {
  organization: string;
  ownWord: boolean;
  log: string;
  index: number;
  size: number;
  root: string;
  kind: string;
  seq: number;
  at: string;
  entry: Record<string, unknown>;
  replay: "same" | "different" | "erased" | "beyond";
  recorded: string | null;
  now: string | null;
};

/** The URL of a did:web's document. */
export function documentUrl(did: string): string | undefined;

/** A nonce of 144 random bits. */
export function nonce(): string;

export type Sign = (message: Uint8Array) => Uint8Array | Promise<Uint8Array>;

export interface AgentOptions {
  fetch?: typeof globalThis.fetch;
  /** Where the organization's gateway is reached: it gives newer delegations. */
  gateway?: string;
  /** Gets delegations that were renewed. */
  keep?: (chain: string) => void | Promise<void>;
  /** For a key of a DID that is no did:key and has no delegations. */
  did?: string;
}

export interface Terms {
  actions?: string[];
  resources?: string[];
  constraints?: object[];
  /** Seconds; an hour where nothing is said. */
  validFor?: number;
  maxDepth?: number;
  account?: string;
  /** `0.50USD` for as long as the delegation lasts, or `5USD/day`, by `week`, by `month`. */
  budget?: string;
  now?: number | Date;
}

/** An agent: its key, and the delegations that it acts by. Nothing prints the key. */
export class Agent {
  private constructor();
  static fromText(text: string, options?: AgentOptions): Agent;
  static fromWebCrypto(pair: { privateKey: CryptoKey; publicKey: CryptoKey }, chain?: string, options?: AgentOptions): Promise<Agent>;
  static fromSigner(publicJwk: object, sign: Sign, chain?: string, options?: AgentOptions): Agent;
  static generate(options?: AgentOptions): Agent;
  readonly did: string;
  readonly chain: string;
  describe(): Record<string, unknown>;
  present(audience: string, nonce: string, options?: { now?: number | Date }): Promise<string>;
  sign(
    request: { method?: string; url: string; headers?: HeadersInit; body?: string | Uint8Array },
    options?: { by?: "chain" | "digest"; nonce?: string; directory?: string; now?: number | Date },
  ): Promise<[string, string][]>;
  fetch: typeof globalThis.fetch;
  renew(): Promise<boolean>;
  delegate(terms: Terms & { to: string }): Promise<string>;
  delegate(terms?: Terms): Promise<Agent>;
  /** The first delegation of a chain, by the principal: `actions` and `resources` are needed. */
  grant(terms: Terms & { to: string }): Promise<string>;
  grant(terms: Terms): Promise<Agent>;
  /** Consents to one very request, once: `asked` is `approval` of a denial. */
  approve(asked: unknown, options?: { now?: number | Date }): Promise<string>;
  /** Meets the agent of a domain. Without a `fetch`, here or of the agent, what fetches evidence is taken. */
  meet(
    domain: string,
    options?: { fetch?: typeof globalThis.fetch },
  ): Promise<{ did: string; card: Record<string, unknown>; transcript: string; receipt: string; ownReceipt: string }>;
}

export interface Admitted {
  verdict: Verdict;
  body: Uint8Array;
}

export interface GuardOptions {
  /** The service's own origin, which requests are signed for. */
  origin: string;
  /** Reads a request: which action on which resource, with which facts. */
  map(request: { method: string; url: string; headers: Headers; body: Uint8Array }): Asked | Promise<Asked>;
  signer?: Agent;
  maxBody?: number;
  onError?: (error: unknown) => void;
}

/** A guard: only signed requests pass that a chain permits. */
export function guard(
  verifier: Verifier,
  options: GuardOptions,
): {
  fetch<More extends unknown[]>(
    handler: (request: Request, admitted: Admitted, ...more: More) => Response | Promise<Response>,
  ): (request: Request, ...more: More) => Promise<Response>;
  hono(): (context: any, next: () => Promise<void>) => Promise<Response | void>;
  express(): (request: any, response: any, next: (error?: unknown) => void) => Promise<void>;
};
