// A program that asks a person, by the JavaScript library oauth4webapi. One argument, a request as JSON:
// {"issuer", "client", "redirect", "resource", "scope", "typed" (the code that the person types), "allow" (actions), "bound", "pushed", "call"}. One line, the
// answer as JSON: what was bought and what the service said, or {"reason"}. What a browser does, forms and cookies, is done here by hand.
import * as oauth from 'oauth4webapi';

const asked = JSON.parse(process.argv[2]);
const {issuer, redirect, resource, scope, typed, allow, bound, pushed, call} = asked;
const client = {client_id: asked.client};
const insecure = {[oauth.allowInsecureRequests]: true};

// A browser: one cookie, no redirect that is not looked at.
let cookie = '';
const browse = async (url, form) => {
  const headers = {cookie, 'sec-fetch-site': form ? 'same-origin' : 'cross-site'};
  const body = form && new URLSearchParams(form);
  const answer = await fetch(url, {method: form ? 'POST' : 'GET', headers, body, redirect: 'manual'});
  const set = answer.headers.get('set-cookie');
  if (set) cookie = set.split(';')[0];
  return {status: answer.status, to: answer.headers.get('location'), text: await answer.text()};
};
const plain = text => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
const hidden = (page, name) => plain(new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)[1]);

const person = async url => {
  const first = await browse(url);
  const at = path => new URL(path, url);
  const signed = await browse(at('sign-in'), [['request', hidden(first, 'request')], ['code', typed]]);
  const page = await browse(new URL(signed.to, at('sign-in')));
  if (page.status !== 200) return page;
  const form = [['request', hidden(page, 'request')], ['form', hidden(page, 'form')], ['act', 'allow'], ...allow.map(one => ['action', one])];
  return {...await browse(at('consent'), form), page: page.text};
};

// Once more where a nonce is asked for.
const again = async (send, read) => {
  try {
    return await read(await send());
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return read(await send());
  }
};

const run = async () => {
  const at = new URL(issuer);
  const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, {algorithm: 'oauth2', ...insecure}));
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const DPoP = bound ? oauth.DPoP(client, await oauth.generateKeyPair('ES256')) : undefined;
  const parameters = new URLSearchParams({
    response_type: 'code', client_id: client.client_id, redirect_uri: redirect, scope, resource, state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  let query = parameters;
  if (pushed) {
    const send = () => oauth.pushedAuthorizationRequest(as, client, oauth.None(), parameters, {DPoP, ...insecure});
    const {request_uri} = await again(send, answer => oauth.processPushedAuthorizationResponse(as, client, answer));
    query = new URLSearchParams({client_id: client.client_id, request_uri});
  }
  const answered = await person(`${as.authorization_endpoint}?${query}`);
  if (!answered.to) return {reason: 'page', status: answered.status, text: answered.text};
  const back = new URL(answered.to);
  // Mix-up: an answer of another server is none, nor is one that does not say whose it is (RFC 9207).
  const mixed = [];
  for (const iss of ['https://evil.example', `${issuer}/`, null]) {
    const other = new URL(back);
    if (iss) other.searchParams.set('iss', iss); else other.searchParams.delete('iss');
    try { oauth.validateAuthResponse(as, client, other, state); mixed.push(null); } catch (error) { mixed.push(error.code ?? error.name); }
  }
  const valid = oauth.validateAuthResponse(as, client, back, state);
  const more = {additionalParameters: {resource}, DPoP, ...insecure};
  const send = () => oauth.authorizationCodeGrantRequest(as, client, oauth.None(), valid, redirect, verifier, more);
  const bought = await again(send, answer => oauth.processAuthorizationCodeResponse(as, client, answer));
  const answer = await oauth.protectedResourceRequest(bought.access_token, 'GET', new URL(call), undefined, undefined, {DPoP, ...insecure});
  const called = {status: answer.status, text: await answer.text()};
  const twice = await oauth.processAuthorizationCodeResponse(as, client, await send()).catch(error => error.error ?? error.code);
  const dead = await oauth.protectedResourceRequest(bought.access_token, 'GET', new URL(call), undefined, undefined, {DPoP, ...insecure})
    .then(answer => answer.status, error => error.status ?? error.code);
  return {mixed, kind: bought.token_type, scope: bought.scope, called, twice, dead};
};

try {
  console.log(JSON.stringify(await run()));
} catch (error) {
  console.log(JSON.stringify({reason: `${error.error ?? error.code ?? error.name}`, why: `${error.error_description ?? error.message}: ${error.cause?.message ?? ''}`}));
}
