// Identity tokens by the JavaScript libraries oauth4webapi and jose, as a client and as a service. One argument, a request as JSON:
// {"issuer", "agent", "kid", "key" (a private JWK), "audience", "alg", "presentation"?, "bound", "service"? ({"agent", "kid", "key"})}. One line, the answer as JSON: what
// the service was told, or {"reason"} where something was refused.
import * as oauth from 'oauth4webapi';
import {createRemoteJWKSet, jwtVerify} from 'jose';

const {issuer, agent, kid, key, audience, alg, presentation, bound, shown, service} = JSON.parse(process.argv[2]);
const insecure = {[oauth.allowInsecureRequests]: true};
const algorithm = key.kty === 'OKP' ? {name: 'Ed25519'} : {name: 'ECDSA', namedCurve: 'P-256'};

const discover = async algorithm => {
  const url = new URL(issuer);
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, {algorithm, ...insecure}));
};

// Asks, and once more where a nonce is asked for.
const ask = async (as, client, send, read) => {
  try {
    return await read(await send());
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return read(await send());
  }
};

const get = async (as, client, DPoP) => {
  const parameters = new URLSearchParams({resource: audience, token_signing_alg: alg});
  if (presentation) {
    parameters.set('subject_token', presentation);
    parameters.set('subject_token_type', 'urn:ietf:params:oauth:token-type:jwt');
    const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
    const send = () => oauth.genericTokenEndpointRequest(as, client, oauth.None(), grant, parameters, {DPoP, ...insecure});
    return ask(as, client, send, answer => oauth.processGenericTokenEndpointResponse(as, client, answer));
  }
  const own = await crypto.subtle.importKey('jwk', key, algorithm, false, ['sign']);
  const auth = oauth.PrivateKeyJwt({key: own, kid});
  const send = () => oauth.clientCredentialsGrantRequest(as, client, auth, parameters, {DPoP, ...insecure});
  return ask(as, client, send, answer => oauth.processClientCredentialsResponse(as, client, answer));
};

// A service: what it makes of a request that shows the token.
const serve = async (as, token, kind, pair, name) => {
  const headers = new Headers({authorization: `${kind} ${token}`});
  if (pair) headers.set('dpop', await proof(pair, name, token));
  return oauth.validateJwtAccessToken(as, new Request(name, {headers}), name, {signingAlgorithms: [alg, ...pair ? ['ES256'] : []], ...insecure});
};

const run = async () => {
  const [as, same] = [await discover('oauth2'), await discover('oidc')];
  if (same.jwks_uri !== as.jwks_uri || same.issuer !== as.issuer) throw new Error('the two documents differ');
  const client = {client_id: agent};
  const pair = bound ? await oauth.generateKeyPair('ES256') : undefined;
  const DPoP = pair && oauth.DPoP(client, pair);
  const answer = await get(as, client, DPoP);
  const token = answer.access_token;
  const kind = answer.token_type === 'dpop' ? 'DPoP' : 'Bearer';
  const claims = await serve(as, token, shown ?? kind, pair, audience);
  const {payload, protectedHeader} = await jwtVerify(token, createRemoteJWKSet(new URL(as.jwks_uri)), {
    issuer, audience, typ: 'at+jwt', algorithms: [alg], requiredClaims: ['sub', 'client_id', 'jti', 'iat', 'exp'],
  });
  const refused = [];
  for (const attempt of [
    () => serve(as, token, kind, pair, 'https://other.example/'),
    () => serve(as, `${token.slice(0, -8)}AAAAAAAA`, kind, pair, audience),
  ]) {
    try { await attempt(); refused.push(null); } catch (error) { refused.push(error.code ?? error.name); }
  }
  const asked = service && await askAbout(as, client, token);
  return {claims, payload, header: protectedHeader, kind, details: answer.authorization_details, expires_in: answer.expires_in, refused, asked};
};

// A service asks whether the token holds, the agent asks, the agent revokes it twice, and the service asks again.
const askAbout = async (as, client, token) => {
  const by = async ({kid, key}) => oauth.PrivateKeyJwt({key: await crypto.subtle.importKey('jwk', key, algorithm, false, ['sign']), kid});
  const introspect = async (client, of) => {
    const answer = await oauth.introspectionRequest(as, client, await by(of), token, insecure);
    return oauth.processIntrospectionResponse(as, client, answer);
  };
  const own = {kid, key};
  const revoke = async () => oauth.processRevocationResponse(await oauth.revocationRequest(as, client, await by(own), token, insecure));
  const [before, stranger] = [await introspect({client_id: service.agent}, service), await introspect(client, own)];
  await revoke();
  await revoke();
  return {before, stranger, after: await introspect({client_id: service.agent}, service)};
};

// A proof for a service: oauth4webapi makes those of its own requests by itself.
const proof = async (pair, htu, token) => {
  const b64 = bytes => Buffer.from(bytes).toString('base64url');
  const json = value => b64(JSON.stringify(value));
  const {kty, crv, x, y} = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const ath = b64(await crypto.subtle.digest('SHA-256', Buffer.from(token)));
  const head = json({typ: 'dpop+jwt', alg: 'ES256', jwk: {kty, crv, x, y}});
  const claims = json({htm: 'GET', htu, jti: crypto.randomUUID(), iat: Math.floor(Date.now() / 1000), ath});
  const input = Buffer.from(`${head}.${claims}`);
  const signature = await crypto.subtle.sign({name: 'ECDSA', hash: 'SHA-256'}, pair.privateKey, input);
  return `${head}.${claims}.${b64(signature)}`;
};

try {
  console.log(JSON.stringify(await run()));
} catch (error) {
  console.log(JSON.stringify({reason: `${error.error ?? error.code ?? error.name}`, why: `${error.error_description ?? error.message}: ${error.cause?.message ?? ''}`}));
}
