// Fetching what a verification needs: https only, no redirects, bounded in time and size. Where it is fetched from is what a
// stranger wrote: `#module` has what fetches it where nothing else is given, which goes into no private network.
import { failure } from "./error.js";

const MAX_BYTES = 4 << 20;
const TIMEOUT = 10_000;

/** Reads a body of at most so many bytes. */
export async function read(response, most = MAX_BYTES) {
  if (!response.body) return new Uint8Array();
  const pieces = [];
  let size = 0;
  for await (const piece of iterate(response.body)) {
    size += piece.byteLength;
    if (size > most) throw failure("input_too_large", `more than ${most} bytes`);
    pieces.push(piece);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}

// Not every browser can iterate over a stream.
async function* iterate(stream) {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** One document, as bytes. */
export async function get(url, fetch, accept) {
  const target = new URL(url);
  if (target.protocol !== "https:") throw failure("url_refused", `\`${url}\` is not https`);
  const response = await fetch(target.href, {
    method: "GET",
    headers: { accept },
    redirect: "error",
    credentials: "omit",
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT),
  });
  if (response.status !== 200) throw failure("fetch_failed", `\`${url}\` answered ${response.status}`);
  return read(response);
}

/** Brings what is needed to a look. What can't be had is brought as a failure: it is denied then, and says why. */
export async function bring(look, needs, fetch, now) {
  const text = new TextDecoder();
  await Promise.all(
    needs.map(async ({ did, url, statusList }) => {
      try {
        if (statusList) {
          look.addStatusList(statusList, text.decode(await get(statusList, fetch, "application/vc+jwt, application/vc, */*;q=0.1")), now);
        } else if (url) {
          look.addDocument(did, await get(url, fetch, "application/did+json, application/json"), now);
        } else {
          look.addFailure(did, "no document of this DID method is fetched here", now);
        }
      } catch (error) {
        look.addFailure(statusList ?? did, String(error?.message ?? error).slice(0, 200), now);
      }
    }),
  );
}
