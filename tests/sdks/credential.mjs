// Credentials by the JavaScript toolkits. One argument, a request as JSON; one line, the answer as JSON:
// {"tool", "verb": "issue"} gives {"document"}; with "verify" and a "document" {"verified", "reason"};
// did-jwt issues with "alg", "typ" and perhaps "iss", did-jwt-vc verifies with or without its "format";
// "resolve" of a "did" gives {"document"}; "list" of a "document" and an "index" {"set"}.
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import * as bitstring from '@digitalbazaar/vc-bitstring-status-list';
import * as didJwt from 'did-jwt';
import * as didJwtVc from 'did-jwt-vc';
import * as didKey from '@digitalbazaar/did-method-key';
import * as jcs from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import * as jose from 'jose';
import * as keyResolver from 'key-did-resolver';
import * as vc from '@digitalbazaar/vc';
import * as webResolver from 'web-did-resolver';
import {CONTEXT, CONTEXT_URL} from '@digitalbazaar/data-integrity-context';
import {cryptosuite as rdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite as ecdsaRdfc} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import {generateKeyPairSync} from 'node:crypto';
import jsigs from 'jsonld-signatures';
import {Resolver} from 'did-resolver';

const request = JSON.parse(process.argv[2]);
const driver = didKey.driver();
driver.use({multibaseMultikeyHeader: 'z6Mk', fromMultibase: Ed25519Multikey.from});
for(const header of ['zDna', 'z82L', 'z2J9']) {
  driver.use({multibaseMultikeyHeader: header, fromMultibase: EcdsaMultikey.from});
}
const CURVES = {ES256: 'P-256', ES384: 'P-384', ES512: 'P-521'};
const resolver = new Resolver({...keyResolver.getResolver(), ...webResolver.getResolver()});

async function documentLoader(url) {
  if(url === CONTEXT_URL) {
    return {contextUrl: null, documentUrl: url, document: CONTEXT};
  }
  if(url.startsWith('did:key:')) {
    const document = await driver.get({url});
    return {contextUrl: null, documentUrl: url, document};
  }
  return vc.defaultDocumentLoader(url);
}

async function keyPair(name) {
  const Multikey = name.startsWith('ecdsa') ? EcdsaMultikey : Ed25519Multikey;
  const pair = await Multikey.generate({curve: 'P-256'});
  const {publicKeyMultibase} = await pair.export({publicKey: true});
  const did = `did:key:${publicKeyMultibase}`;
  return Multikey.from({
    ...await pair.export({publicKey: true, secretKey: true}),
    controller: did, id: `${did}#${publicKeyMultibase}`,
  });
}

const credential = issuer => ({
  '@context': ['https://www.w3.org/ns/credentials/v2'],
  id: 'urn:uuid:7f0c0000-0000-4000-8000-000000000002',
  type: ['VerifiableCredential'], issuer,
  name: 'Größe 😀', validFrom: '2026-01-01T00:00:00Z',
  credentialSubject: {id: 'did:example:b'},
});

// By each of its cryptosuites.
const suites = {
  'eddsa-rdfc-2022': {sign: rdfc, verify: rdfc},
  'ecdsa-rdfc-2019': {sign: ecdsaRdfc, verify: ecdsaRdfc},
  'eddsa-jcs-2022': {sign: jcs.createSignCryptosuite(), verify: jcs.createVerifyCryptosuite()},
};

async function issueProof(name) {
  const pair = await keyPair(name);
  const suite = new DataIntegrityProof({signer: pair.signer(), cryptosuite: suites[name].sign});
  return vc.issue({credential: credential(pair.controller), suite, documentLoader});
}

// jsonld-signatures calls a set verified when any proof is: each result is read.
async function verifyProof(document, name) {
  const suite = new DataIntegrityProof({cryptosuite: suites[name].verify});
  const result = await jsigs.verify(document, {
    suite, documentLoader, purpose: new jsigs.purposes.AssertionProofPurpose(),
  });
  const count = [document.proof].flat().length;
  const verified = (result.results ?? []).filter(one => one.verified).length === count;
  return {verified, reason: String(result.error?.errors?.[0] ?? result.error ?? '')};
}

const envelope = jwt => ({
  '@context': 'https://www.w3.org/ns/credentials/v2',
  type: 'EnvelopedVerifiableCredential', id: `data:application/vc+jwt,${jwt}`,
});

// A new key, with the DID and the DID URL that it has.
async function jwkPair(alg) {
  const {publicKey, privateKey} = CURVES[alg]
    ? generateKeyPairSync('ec', {namedCurve: CURVES[alg]}) : generateKeyPairSync('ed25519');
  const Multikey = CURVES[alg] ? EcdsaMultikey : Ed25519Multikey;
  const pair = await Multikey.fromJwk({jwk: publicKey.export({format: 'jwk'})});
  const {publicKeyMultibase} = await pair.export({publicKey: true});
  const did = `did:key:${publicKeyMultibase}`;
  return {did, kid: `${did}#${publicKeyMultibase}`, jwk: privateKey.export({format: 'jwk'})};
}

async function issueJose() {
  const alg = request.alg ?? 'EdDSA';
  const {did, kid, jwk} = await jwkPair(alg);
  const jwt = await new jose.SignJWT(credential(did))
    .setProtectedHeader({alg, typ: 'vc+jwt', kid}).sign(await jose.importJWK(jwk, alg));
  return envelope(jwt);
}

async function verifyJose(document) {
  const jwt = document.id.slice(document.id.indexOf(',') + 1);
  const {kid, alg} = jose.decodeProtectedHeader(jwt);
  const Multikey = CURVES[alg] ? EcdsaMultikey : Ed25519Multikey;
  const pair = await Multikey.from(await driver.get({url: kid}));
  const key = await jose.importJWK(await Multikey.toJwk({keyPair: pair}), alg);
  const {payload} = await jose.jwtVerify(jwt, key, {typ: 'vc+jwt'});
  return {verified: payload.issuer === kid.split('#')[0], reason: ''};
}

// did-jwt signs a credential as the claims that it is; did-jwt-vc makes the claims of the first data model out of one.
async function issueDidJwt(tool) {
  const {alg, typ, iss} = request;
  const {did, kid, jwk} = await jwkPair(alg);
  const secret = Buffer.from(jwk.d, 'base64url');
  const signer = alg === 'ES256' ? didJwt.ES256Signer(secret) : didJwt.EdDSASigner(secret);
  const header = {alg, typ, kid};
  if(tool === 'did-jwt') {
    return envelope(await didJwt.createJWT(credential(did), {issuer: iss ?? did, signer}, header));
  }
  const old = {
    ...credential(did), '@context': ['https://www.w3.org/2018/credentials/v1'],
    credentialSubject: {id: 'did:example:b', name: 'b'},
  };
  return envelope(await didJwtVc.createVerifiableCredentialJwt(old, {did, alg, signer}, {header}));
}

// By default did-jwt-vc holds the claims, once they verify, to the first data model; `format` switches it.
async function verifyDidJwt(document, tool) {
  const jwt = document.id.slice(document.id.indexOf(',') + 1);
  const options = {proofPurpose: 'assertionMethod'};
  const {verified, issuer, payload} = tool === 'did-jwt'
    ? await didJwt.verifyJWT(jwt, {...options, resolver})
    : await didJwtVc.verifyCredential(jwt, resolver, {...options, policies: {format: request.format}});
  return {verified: verified && issuer === payload.issuer, reason: ''};
}

const proofs = {issue: issueProof, verify: verifyProof};
const jwtTools = {
  jose: {issue: issueJose, verify: verifyJose},
  'did-jwt': {issue: issueDidJwt, verify: verifyDidJwt},
  'did-jwt-vc': {issue: issueDidJwt, verify: verifyDidJwt},
};

async function answer() {
  const {tool, verb, document} = request;
  if(verb === 'resolve') {
    const result = await resolver.resolve(request.did);
    return {document: result.didDocument, reason: result.didResolutionMetadata.message ?? ''};
  }
  if(verb === 'list') {
    const list = await bitstring.decodeList({encodedList: document.credentialSubject.encodedList});
    return {set: list.getStatus(request.index), length: list.length};
  }
  if(verb === 'issue') {
    return {document: await (jwtTools[tool] ?? proofs).issue(tool)};
  }
  try {
    return await (jwtTools[tool] ?? proofs).verify(document, tool);
  } catch(error) {
    return {verified: false, reason: String(error)};
  }
}

console.log(JSON.stringify(await answer()));
