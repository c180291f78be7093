// Signed requests by the JavaScript toolkits. One argument, a request as JSON; one line, the answer as JSON:
// {"tool", "verb": "sign", "algorithm", "message", "components", "created", "expires"} gives {"headers", "directory"};
// "verify" of a "message" with the "directory" of its signer gives {"verified", "reason"};
// "read" of a "directory" gives {"keys"}: for each its thumbprint, and whether the toolkit takes it.
// A component is [name], or [name, key] for the member of a dictionary.
import * as messageSig from 'http-message-sig';
import * as webBotAuth from 'web-bot-auth';
import {createPublicKey, generateKeyPairSync} from 'node:crypto';
import {createSigner, createVerifier, httpbis} from 'http-message-signatures';
import {signerFromJWK, verifierFromJWK} from 'web-bot-auth/crypto';

const request = JSON.parse(process.argv[2]);
const {tool, verb, algorithm, message, components, created, expires, directory} = request;
const LABEL = 'sig';
const TAG = 'web-bot-auth';
const NONCE = webBotAuth.generateNonce();
const REQUIRED = ['created', 'expires', 'keyid', 'tag'];
const {helpers: {WEBCRYPTO_SHA256, BASE64URL_DECODE}} = webBotAuth;

const date = seconds => new Date(seconds * 1000);
const thumbprint = jwk => webBotAuth.jwkToKeyID(jwk, WEBCRYPTO_SHA256, BASE64URL_DECODE);
const algorithmOf = jwk => jwk.kty === 'EC' ? 'ecdsa-p256-sha256' : 'ed25519';
const byId = keyid => directory.keys.find(({kid}) => kid === keyid);
const imported = ({kty, crv, x, d}) =>
  crypto.subtle.importKey('jwk', {kty, crv, x, d}, 'Ed25519', true, [d ? 'sign' : 'verify']);
const described = () => ({
  kind: 'request', method: message.method, targetUri: message.url,
  fields: Object.entries(message.headers).map(([name, value]) => ({name, value})),
});
const component = ([name, key]) => messageSig.component(name, key ? {key} : {});

// Each signs with a private key of node and its thumbprint, and verifies with what the directory has under a `kid`.
const tools = {
  'http-message-signatures': {
    async sign(key, keyid) {
      const {headers} = await httpbis.signMessage({
        key: createSigner(key, algorithm, keyid), name: LABEL,
        fields: components.map(([name, member]) => member ? `"${name}";key="${member}"` : name),
        params: ['created', 'expires', 'nonce', 'keyid', 'alg', 'tag'],
        paramValues: {created: date(created), expires: date(expires), nonce: NONCE, tag: TAG},
      }, message);
      return headers;
    },
    async verify() {
      const keyLookup = async ({keyid}) => {
        const key = byId(keyid);
        const alg = key && algorithmOf(key);
        return key ? {
          algs: [alg], verify: createVerifier(createPublicKey({key, format: 'jwk'}), alg),
        } : null;
      };
      const requiredFields = components.map(([name]) => name);
      return httpbis.verifyMessage({keyLookup, all: true, requiredFields, requiredParams: REQUIRED}, message);
    },
  },
  'http-message-sig': {
    async sign(key, keyid) {
      const signer = messageSig.webcrypto.signer(await imported(key.export({format: 'jwk'})));
      const fields = await messageSig.createSignature(described(), {
        label: LABEL, signer, components: components.map(component),
        parameters: {created, expires, nonce: NONCE, keyid, alg: algorithm, tag: TAG},
      });
      return {signature: fields.signature, 'signature-input': fields.signatureInput};
    },
    async verify() {
      const resolveVerifier = async ({parameters}) =>
        messageSig.webcrypto.verifier(await imported(byId(parameters.keyid)));
      const policy = {
        algorithms: ['ed25519'], requiredComponents: components.map(component), requiredParameters: REQUIRED,
        validate: ({parameters}) => parameters.tag === TAG,
      };
      await messageSig.verifySignature(described(), {policy, resolveVerifier});
      return true;
    },
  },
  'web-bot-auth': {
    async sign(key) {
      const parameter = ([name, member]) =>
        member ? {name, parameters: new Map([['key', member]])} : name;
      return webBotAuth.signatureHeaders(message, await signerFromJWK(key.export({format: 'jwk'})), {
        created: date(created), expires: date(expires), key: LABEL, components: components?.map(parameter),
      });
    },
    async verify() {
      await webBotAuth.verify(message, async (data, signature, params) => {
        const verify = await verifierFromJWK(byId(params.keyid));
        return verify(data, signature, params);
      });
      return true;
    },
  },
};

async function signed() {
  const {publicKey, privateKey} = algorithm === 'ed25519'
    ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', {namedCurve: 'P-256'});
  const jwk = publicKey.export({format: 'jwk'});
  const kid = await thumbprint(jwk);
  const headers = await tools[tool].sign(privateKey, kid);
  return {headers: {...message.headers, ...headers}, directory: {keys: [{...jwk, kid, use: 'sig'}]}};
}

async function answer() {
  if(verb === 'sign') {
    return signed();
  }
  if(verb === 'read') {
    const read = async key => ({
      thumbprint: await thumbprint(key),
      taken: await verifierFromJWK(key).then(() => true, error => String(error)),
    });
    return {keys: await Promise.all(directory.keys.map(read))};
  }
  try {
    return {verified: await tools[tool].verify(), reason: ''};
  } catch(error) {
    return {verified: false, reason: String(error)};
  }
}

console.log(JSON.stringify(await answer()));
