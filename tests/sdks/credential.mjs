// Credentials by the JavaScript toolkits. One argument, a request as JSON; one line, the answer as JSON:
// {"tool", "verb": "issue"} gives {"document"}; with "verify" and a "document" {"verified", "reason"};
// "resolve" of a "did" gives {"document"}; "list" of a "document" and an "index" {"set"}.
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import * as bitstring from '@digitalbazaar/vc-bitstring-status-list';
import * as didKey from '@digitalbazaar/did-method-key';
import * as jcs from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import * as jose from 'jose';
import * as keyResolver from 'key-did-resolver';
import * as vc from '@digitalbazaar/vc';
import * as webResolver from 'web-did-resolver';
import {CONTEXT, CONTEXT_URL} from '@digitalbazaar/data-integrity-context';
import {cryptosuite as rdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import jsigs from 'jsonld-signatures';
import {Resolver} from 'did-resolver';

const request = JSON.parse(process.argv[2]);
const driver = didKey.driver();
driver.use({multibaseMultikeyHeader: 'z6Mk', fromMultibase: Ed25519Multikey.from});
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

async function keyPair() {
  const pair = await Ed25519Multikey.generate();
  const did = `did:key:${pair.publicKeyMultibase}`;
  return Ed25519Multikey.from({
    ...await pair.export({publicKey: true, secretKey: true}),
    controller: did, id: `${did}#${pair.publicKeyMultibase}`,
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
  'eddsa-jcs-2022': {sign: jcs.createSignCryptosuite(), verify: jcs.createVerifyCryptosuite()},
};

async function issueProof(name) {
  const pair = await keyPair();
  const suite = new DataIntegrityProof({signer: pair.signer(), cryptosuite: suites[name].sign});
  return vc.issue({credential: credential(pair.controller), suite, documentLoader});
}

// jsonld-signatures calls a set verified when any proof is: each result is read.
async function verifyProof(name, document) {
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

async function issueJose() {
  const {publicKey, privateKey} = await jose.generateKeyPair('EdDSA', {crv: 'Ed25519', extractable: true});
  const {x} = await jose.exportJWK(publicKey);
  const pair = await Ed25519Multikey.fromJwk({jwk: {kty: 'OKP', crv: 'Ed25519', x}});
  const {publicKeyMultibase} = await pair.export({publicKey: true});
  const did = `did:key:${publicKeyMultibase}`;
  const jwt = await new jose.SignJWT(credential(did))
    .setProtectedHeader({alg: 'EdDSA', typ: 'vc+jwt', kid: `${did}#${publicKeyMultibase}`}).sign(privateKey);
  return envelope(jwt);
}

async function verifyJose(document) {
  const jwt = document.id.slice(document.id.indexOf(',') + 1);
  const {kid} = jose.decodeProtectedHeader(jwt);
  const pair = await Ed25519Multikey.from(await driver.get({url: kid}));
  const key = await jose.importJWK(await Ed25519Multikey.toJwk({keyPair: pair}), 'EdDSA');
  const {payload} = await jose.jwtVerify(jwt, key, {typ: 'vc+jwt'});
  return {verified: payload.issuer === kid.split('#')[0], reason: ''};
}

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
    return {document: tool === 'jose' ? await issueJose() : await issueProof(tool)};
  }
  try {
    return tool === 'jose' ? await verifyJose(document) : await verifyProof(tool, document);
  } catch(error) {
    return {verified: false, reason: String(error)};
  }
}

console.log(JSON.stringify(await answer()));
