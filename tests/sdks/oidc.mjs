// An OpenID provider whose users are in groups: says where it is on the first line, then answers each line of standard input
// (`{"sub": …, "groups": […], "nonce": …, "client": …}`) with the ID token that a browser gets.
import http from "node:http";
import readline from "node:readline";
import Provider from "oidc-provider";

// Standard output is for answers.
console.info = console.warn = console.error;
const RETURN = "https://cli.example/callback";
const client = (client_id) => ({
  client_id, redirect_uris: [RETURN], response_types: ["id_token"], grant_types: ["implicit"], token_endpoint_auth_method: "none",
});
const groups = new Map();
let answer = (_, response) => response.end();
const server = http.createServer((request, response) => answer(request, response));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://localhost:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [client("legation"), client("crm")],
  claims: { openid: ["sub", "groups"] },
  conformIdTokenClaims: false,
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id, groups: groups.get(id) }) }),
  cookies: { keys: ["only here"] },
});
answer = provider.callback();
console.log(issuer);

// What a browser does: cookies, redirects, two forms.
async function log_in({ sub, groups: own, nonce, client }) {
  groups.set(sub, own);
  const cookies = new Map();
  const go = async (url, form) => {
    const response = await fetch(new URL(url, issuer), {
      method: form ? "POST" : "GET", redirect: "manual", body: form && new URLSearchParams(form),
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
      if (value) cookies.set(name, value); else cookies.delete(name);
    }
    return response.headers.get("location");
  };
  const asked = { client_id: client, response_type: "id_token", redirect_uri: RETURN, scope: "openid", nonce };
  let next = await go(`/auth?${new URLSearchParams(asked)}`);
  for (let prompt of ["login", "consent"]) {
    if (next.startsWith(RETURN)) break;
    next = await go(await go(next, { prompt, login: sub, password: "x" }));
  }
  return new URLSearchParams(new URL(next).hash.slice(1)).get("id_token");
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(await log_in(JSON.parse(line)));
}
process.exit();
