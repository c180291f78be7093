// Makes the fixtures of this folder with the official JavaScript SDK, and checks cards that Legation signed.
//
//   npm install @a2a-js/sdk@1.3.0 jose
//   node make_fixtures.mjs                  writes js-jwks.json and js-*.json
//   node make_fixtures.mjs verify FILE...   verifies signed cards with the SDK

import { readFileSync, writeFileSync } from 'node:fs';
import { generateAgentCardSignature, verifyAgentCardSignature } from '@a2a-js/sdk';
import * as jose from 'jose';

const here = (name) => new URL(name, import.meta.url);
const read = (name) => JSON.parse(readFileSync(name, 'utf8'));
const kid = 'did:web:agent.example#p256';

if (process.argv[2] === 'verify') {
  const { keys } = read(here('own-jwks.json'));
  const keyOf = async (id) => jose.importJWK(keys.find((key) => key.kid === id));
  console.debug = () => {};
  for (const file of process.argv.slice(3)) {
    await verifyAgentCardSignature(keyOf)(read(file));
    console.log(`${file}: the SDK verified it`);
  }
} else {
  const { publicKey, privateKey } = await jose.generateKeyPair('ES256');
  const signer = generateAgentCardSignature(privateKey, { alg: 'ES256', kid, typ: 'JOSE' });
  const signed = await signer(read(here('card.json')));
  const jwk = { ...(await jose.exportJWK(publicKey)), kid };
  writeFileSync(here('js-jwks.json'), JSON.stringify({ keys: [jwk] }, null, 1) + '\n');
  writeFileSync(here('js-ES256.json'), JSON.stringify(signed, null, 1) + '\n');
}
