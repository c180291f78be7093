// A guard in front of handlers: only signed requests pass that a chain permits; every other is answered with problem details.
import { failure, LegationError } from "./error.js";
import { read } from "./evidence.js";
import { seconds } from "./snapshot.js";

const MAX_BODY = 1 << 20;

/** Problem details (RFC 9457). */
function problem({ status, ...members }, receipt = null) {
  const headers = { "content-type": "application/problem+json", "cache-control": "no-store" };
  // RFC 9110 §15.5.2: such an answer says how to authenticate.
  if (status === 401) headers["www-authenticate"] = "Signature";
  return { status, headers, body: JSON.stringify({ type: "about:blank", status, ...members, receipt }) };
}

const STATUS = { chain_unknown: 401, header_repeated: 400, input_too_large: 413, input: 400 };

/** Judges a request: `{ verdict, body }` where it is admitted, and else `{ answer }`. */
async function judge(verifier, { origin, map, signer, maxBody = MAX_BODY }, { method, target, headers, bytes }) {
  try {
    // A whole URL or `*` would stand behind the origin as if it were a part of it.
    if (!target.startsWith("/")) throw failure("input", "the request's target must be a path");
    const body = await bytes(maxBody);
    const url = `${origin}${target}`;
    const request = await map({ method, url, headers: new Headers(headers), body });
    if (request === undefined || request === null) throw new TypeError("`map` does not say what the request asks for");
    const verdict = await verifier.verify({ method, url, headers, body }, request, { now: seconds(), signer });
    return verdict.decision === "permit" ? { verdict, body } : { answer: problem(verdict.problem, verdict.receipt) };
  } catch (error) {
    const known = error instanceof LegationError ? STATUS[error.code] : undefined;
    if (known) return { answer: problem({ status: known, code: error.code, detail: error.message }) };
    // What failed here is no permit, and tells nothing.
    const unavailable = { status: 503, code: "unavailable", detail: "the service can't decide now; try again later" };
    return { answer: problem(unavailable), error };
  }
}

function settings(options) {
  const { origin, map } = options;
  if (typeof map !== "function") throw failure("input", "`map` must be a function that says what a request asks for");
  if (typeof origin !== "string" || new URL(origin).origin !== origin) {
    throw failure("input", "`origin` must be scheme and host of this service, such as `https://shop.example`");
  }
  return options;
}

/**
 * A guard. `origin` is the service's own, which requests are signed for and `Host` has no say in. `map` reads a request as
 * `{ action, resource, facts }`; take the resource from `url`, which is what was signed. It is called before anybody is known, so that
 * it must do nothing but read. `signer` signs receipts.
 *
 *   export default { fetch: guard(verifier, { origin, map }).fetch((request, { verdict }) => new Response("…")) };
 *   app.use(guard(verifier, { origin, map }).express());
 *   app.use(guard(verifier, { origin, map }).hono());
 */
export function guard(verifier, options) {
  const set = settings(options);
  const told = (error) => error !== undefined && set.onError?.(error);
  const ofFetch = async (request) => {
    const { pathname, search } = new URL(request.url);
    const bytes = (most) => read(request.clone(), most);
    const { answer, error, ...admitted } = await judge(verifier, set, {
      method: request.method,
      target: `${pathname}${search}`,
      headers: [...request.headers],
      bytes,
    });
    told(error);
    return answer ? { response: new Response(answer.body, answer) } : { admitted };
  };
  return {
    /** Around a handler of a Fetch-style server: a worker, Deno, Bun. */
    fetch: (handler) => async (request, ...more) => {
      const { response, admitted } = await ofFetch(request);
      return response ?? handler(request, admitted, ...more);
    },
    /** For Hono: handlers find `c.get("legation")`. */
    hono: () => async (c, next) => {
      const { response, admitted } = await ofFetch(c.req.raw);
      if (response) return response;
      c.set("legation", admitted);
      return next();
    },
    /** For Express and Node's own server, before anything reads the body: handlers find `req.legation`, with the `body`'s bytes. */
    express: () => async (req, res, next) => {
      const headers = [];
      for (let index = 0; index < req.rawHeaders.length; index += 2) {
        headers.push([req.rawHeaders[index].toLowerCase(), req.rawHeaders[index + 1]]);
      }
      const bytes = (most) => collect(req, most);
      const judged = await judge(verifier, set, { method: req.method, target: req.originalUrl ?? req.url, headers, bytes });
      told(judged.error);
      if (judged.answer) {
        const { status, headers, body } = judged.answer;
        const whole = req.complete;
        // Whatever else would come is not read.
        res.writeHead(status, whole ? headers : { ...headers, connection: "close" }).end(body, () => whole || req.destroy());
        return;
      }
      req.legation = judged;
      next();
    },
  };
}

/** The bytes of a request of Node's server. One that is too long is read no further, and can still be answered. */
function collect(stream, most) {
  return new Promise((resolve, reject) => {
    const pieces = [];
    let size = 0;
    stream.on("data", (piece) => {
      size += piece.length;
      if (size > most) {
        stream.pause();
        stream.removeAllListeners("data");
        reject(failure("input_too_large", `the body has more than ${most} bytes`));
        return;
      }
      pieces.push(piece);
    });
    stream.once("end", () => {
      const all = new Uint8Array(size);
      let at = 0;
      for (const piece of pieces) {
        all.set(piece, at);
        at += piece.length;
      }
      resolve(all);
    });
    stream.once("error", reject);
    stream.once("close", () => reject(failure("input", "the body broke off")));
  });
}
