// Security event tokens by the JavaScript library jose. One argument, a request as JSON; one line, the answer as JSON:
// {"verb": "verify", "set", "jwks", "issuer", "audience"} gives {"claims"}, or {"reason"} where it is refused;
// {"verb": "sign", "claims"} gives {"set", "jwks"}, signed by a new key.
import {SignJWT, calculateJwkThumbprint, createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify} from 'jose';

const {verb, set, jwks, issuer, audience, claims} = JSON.parse(process.argv[2]);
const TYPE = 'secevent+jwt';

const verify = async () => {
  try {
    const options = {issuer, audience, typ: TYPE, algorithms: ['RS256']};
    const {payload} = await jwtVerify(set, createLocalJWKSet(jwks), options);
    return {claims: payload, thumbprints: await Promise.all(jwks.keys.map(jwk => calculateJwkThumbprint(jwk)))};
  } catch (error) {
    return {reason: `${error.code}`};
  }
};

const sign = async () => {
  const {publicKey, privateKey} = await generateKeyPair('RS256');
  const jwk = {...await exportJWK(publicKey), kid: 'k', alg: 'RS256', use: 'sig'};
  const signed = await new SignJWT(claims).setProtectedHeader({alg: 'RS256', typ: TYPE, kid: 'k'}).sign(privateKey);
  return {set: signed, jwks: {keys: [jwk]}};
};

console.log(JSON.stringify(await (verb === 'sign' ? sign() : verify())));
