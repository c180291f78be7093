// An agent card by the official JavaScript SDK, for `crates/cli/tests/sdks.rs`.
//
//   verify ORIGIN           fetches the card of ORIGIN and verifies it with the keys of its DID document
//   sign CARD KEY KID OUT   signs the card in a file with a private JWK; its earlier signatures go
//
// The outcome is one line on stdout; whatever else goes wrong is a stack trace.
//
// A trap: as its own resolver hands a card on, `securitySchemes` fall out of what the SDK (1.3.0)
// canonicalizes. The test's cards have none; one that has is verified as JSON, never as a resolved card.

import { readFileSync, writeFileSync } from 'node:fs';
import { generateAgentCardSignature, verifyAgentCardSignature } from '@a2a-js/sdk';
import { DefaultAgentCardResolver } from '@a2a-js/sdk/client';
import { importJWK } from 'jose';

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const algorithm = (jwk) => (jwk.crv === 'P-256' ? 'ES256' : 'EdDSA');
const load = (jwk) => importJWK(jwk, algorithm(jwk));

async function verify(origin) {
  const { verificationMethod } = await (await fetch(`${origin}/.well-known/did.json`)).json();
  const keys = new Map(verificationMethod.map(({ id, publicKeyJwk }) => [id, publicKeyJwk]));
  const card = await new DefaultAgentCardResolver().resolve(origin);
  try {
    await verifyAgentCardSignature(async (kid) => load(keys.get(kid)))(card);
  } catch (error) {
    return `refused: ${error.message}`;
  }
  return `verified: ${card.name}`;
}

async function sign(card, key, kid, out) {
  const { signatures, ...unsigned } = read(card);
  const jwk = read(key);
  const alg = algorithm(jwk);
  const signer = generateAgentCardSignature(await load(jwk), { alg, kid, typ: 'JOSE' });
  writeFileSync(out, JSON.stringify(await signer(unsigned)));
  return `signed: ${alg}`;
}

// The SDK tells there which signature it tries; stdout is for the outcome.
console.debug = () => {};
const [command, ...parameters] = process.argv.slice(2);
console.log(await (command === 'verify' ? verify : sign)(...parameters));
