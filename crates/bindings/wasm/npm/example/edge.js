// A site at the edge: its pages are served to agents whose delegations permit it, and to nobody else. `TRUST` holds the trust settings, and
// `ORIGIN` the site's own origin.
import { guard, Verifier } from "legation";

const PAGES = { "/page": (agent) => `<!doctype html><title>Page</title><p>For ${agent}` };

// What was permitted is remembered by this isolate alone: pages may be read again elsewhere. For what may be done once take a gateway.
let guarded;

export default {
  fetch(request, env) {
    guarded ??= guard(new Verifier(env.TRUST), {
      origin: env.ORIGIN,
      map: ({ method, url }) => ({ action: `http:${method.toLowerCase()}`, resource: url.split("?")[0] }),
    }).fetch((request, { verdict }) => {
      const page = PAGES[new URL(request.url).pathname];
      const headers = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" };
      return page ? new Response(page(verdict.agent), { headers }) : new Response("not found", { status: 404 });
    });
    return guarded(request, env);
  },
};
