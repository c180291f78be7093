"""The handshake's two roles, whatever carries the messages. The Rust crate `legation-handshake` says why."""

import dataclasses
import hashlib
import hmac
import json
import secrets
import time
from datetime import datetime, timezone

from signed import Denied, b64, check_members, check_signature, digest, key_of, read_did, read_jws, sign, unb64

URI = 'https://w3id.org/legation/a2a/delegation/v1'
CHALLENGE, PRESENTATION, RECEIPT = 'legation-challenge+jwt', 'vp+jwt', 'legation-receipt+jwt'
CREDENTIALS = 'https://www.w3.org/ns/credentials/v2'
CHALLENGE_BYTES, PRESENTATION_BYTES, RECEIPT_BYTES = 16 << 10, 512 << 10, 1 << 20
LIFETIME, MAX_LIFETIME, SKEW = 60, 300, 60
TEXTS = ('iss', 'aud', 'endpoint', 'callerNonce', 'nonce', 'card')
MEMBERS = {
    'hello': ('type', 'caller', 'nonce'),
    'challenge': ('type', 'challenge'),
    'presentation': ('type', 'challenge', 'presentation'),
    'receipt': ('type', 'receipt'),
    'refusal': ('type', 'code', 'reason'),
}


def now():
    return int(time.time())


def check_message(message, *kinds):
    """A message of one of these kinds, as JSON."""
    kind = message.get('type') if isinstance(message, dict) else None
    if kind not in kinds:
        raise Denied('malformed', ' or '.join(kinds), kind)
    check_members(message, MEMBERS[kind])
    return message


def read_challenge(text):
    header, said = read_jws(text, CHALLENGE, CHALLENGE_BYTES)
    check_members(said, TEXTS, ('iat', 'exp'))
    read_did(said['iss'])
    read_did(said['aud'])
    if not 1 <= len(said['nonce']) <= 128 or len(unb64(said['card'])) != 32:
        raise Denied('malformed', 'a nonce and the SHA-256 of a card', 'something else')
    return header, said


@dataclasses.dataclass
class Peer:
    """Whom a caller means to meet: what it verified before it called."""

    document: dict
    endpoint: str
    card: str


class Caller:
    """One handshake of a caller: `hello`, `answer`, `finish`, each once and in this order."""

    def __init__(self, did, key_id, key, chain):
        self.did, self.key_id, self.key, self.chain = did, key_id, key, chain
        self.nonce = b64(secrets.token_bytes(24))

    def hello(self):
        return {'type': 'hello', 'caller': self.did, 'nonce': self.nonce}

    def answer(self, message, peer):
        """Verifies a challenge; gives the presentation for it."""
        challenge = check_message(message, 'challenge')['challenge']
        header, said = read_challenge(challenge)
        for code, name, expected in [
            ('issuer_mismatch', 'iss', peer.document['id']),
            ('audience_mismatch', 'aud', self.did),
            ('request_binding_mismatch', 'endpoint', peer.endpoint),
            ('nonce_mismatch', 'callerNonce', self.nonce),
            ('request_binding_mismatch', 'card', peer.card),
        ]:
            if said[name] != expected:
                raise Denied(code, expected, said[name])
        if said['iss'] == said['aud']:
            raise Denied('audience_mismatch', 'two agents', said['aud'])
        if not 1 <= said['exp'] - said['iat'] <= MAX_LIFETIME:
            raise Denied('presentation_stale', f'a lifetime of 1 to {MAX_LIFETIME} s', said['exp'] - said['iat'])
        if now() + SKEW < said['iat'] or now() - SKEW >= said['exp']:
            raise Denied('presentation_stale', f'now within {said["iat"]} and {said["exp"]}', now())
        check_signature(challenge, key_of(peer.document, header['kid'], 'authentication'))
        self.peer, self.transcript = peer, digest(challenge)
        self.presentation = self.present(said)
        return {'type': 'presentation', 'challenge': challenge, 'presentation': self.presentation}

    def present(self, said):
        links = [
            {'@context': [CREDENTIALS], 'type': 'EnvelopedVerifiableCredential', 'id': f'data:application/vc+jwt,{link}'}
            for link in self.chain
        ]
        payload = {
            '@context': [CREDENTIALS],
            'type': ['VerifiablePresentation'],
            'holder': self.did,
            'verifiableCredential': links,
            'aud': said['iss'],
            'nonce': said['nonce'],
            'iat': now(),
            'exp': now() + LIFETIME,
            'transcript': self.transcript,
        }
        return sign(PRESENTATION, self.key_id, payload, self.key)

    def finish(self, message):
        """Verifies the callee's receipt and gives what it says: `valid`, or `deny` with a code."""
        receipt = check_message(message, 'receipt')['receipt']
        header, said = read_jws(receipt, RECEIPT, RECEIPT_BYTES)
        check_signature(receipt, key_of(self.peer.document, header['kid'], 'assertionMethod'))
        if said.get('type') != 'LegationReceipt' or said.get('decision') not in ('valid', 'deny'):
            raise Denied('type_mismatch', 'a receipt with `valid` or `deny`', said.get('decision'))
        for code, name, expected in [
            ('issuer_mismatch', 'verifier', self.peer.document['id']),
            ('nonce_mismatch', 'transcript', self.transcript),
            ('request_binding_mismatch', 'presentation', digest(self.presentation)),
        ]:
            if said.get(name) != expected:
                raise Denied(code, expected, said.get(name))
        if said['decision'] == 'valid' and said.get('agent') != self.did:
            raise Denied('holder_mismatch', self.did, said.get('agent'))
        return said


class Callee:
    """Answers callers. Between a hello and its answer it keeps nothing; of an answer, the nonce.

    `verify` is an async function of a presentation and its nonce that gives what the verifier says.
    """

    def __init__(self, did, key_id, key, endpoint, card, verify):
        self.did, self.key_id, self.key = did, key_id, key
        self.endpoint, self.card, self.verify = endpoint, card, verify
        self.secret = secrets.token_bytes(32)
        self.used = {}

    async def respond(self, message):
        message = check_message(message, 'hello', 'presentation')
        if message['type'] == 'hello':
            return {'type': 'challenge', 'challenge': self.challenge(message)}
        return {'type': 'receipt', 'receipt': await self.receipt(message)}

    def challenge(self, hello):
        if read_did(hello['caller']) == self.did:
            raise Denied('holder_mismatch', f'a caller other than {self.did}', hello['caller'])
        if not 22 <= len(hello['nonce'].encode()) <= 128:
            raise Denied('malformed', 'a nonce of 22 to 128 bytes', len(hello['nonce']))
        said = {
            'iss': self.did,
            'aud': hello['caller'],
            'endpoint': self.endpoint,
            'callerNonce': hello['nonce'],
            'card': self.card,
            'iat': now(),
            'exp': now() + LIFETIME,
        }
        said['nonce'] = self.nonce(said, secrets.token_bytes(16))
        return sign(CHALLENGE, self.key_id, said, self.key)

    def nonce(self, said, salt):
        """Random bytes, then a tag over them and all else that the challenge says."""
        rest = json.dumps([said[name] for name in (*TEXTS, 'iat', 'exp') if name != 'nonce'])
        return b64(salt + hmac.digest(self.secret, salt + rest.encode(), hashlib.sha256))

    def open(self, message):
        """Holds an answer against its challenge, cheapest check first; gives the nonce and its end."""
        _, said = read_challenge(message['challenge'])
        if said['iss'] != self.did:
            raise Denied('audience_mismatch', self.did, said['iss'])
        if not hmac.compare_digest(said['nonce'].encode(), self.nonce(said, unb64(said['nonce'])[:16]).encode()):
            raise Denied('nonce_mismatch', 'a challenge that was given here', 'one made elsewhere')
        for name, expected in [('endpoint', self.endpoint), ('card', self.card)]:
            if said[name] != expected:
                raise Denied('request_binding_mismatch', expected, said[name])
        if now() - SKEW >= said['exp'] or now() + SKEW < said['iat']:
            raise Denied('presentation_stale', f'an answer before {said["exp"]}', now())
        _, claims = read_jws(message['presentation'], PRESENTATION, PRESENTATION_BYTES)
        for code, name, expected in [
            ('nonce_mismatch', 'nonce', said['nonce']),
            ('request_binding_mismatch', 'transcript', digest(message['challenge'])),
            ('holder_mismatch', 'holder', said['aud']),
        ]:
            if claims.get(name) != expected:
                raise Denied(code, expected, claims.get(name))
        return said['nonce'], said['exp'] + SKEW

    def consume(self, nonce, end):
        """No answer counts twice. What has ended is forgotten, since `open` refuses it by then."""
        self.used = {nonce: end for nonce, end in self.used.items() if end > now()}
        if nonce in self.used:
            raise Denied('nonce_replayed', 'a nonce that is new', nonce)
        if len(self.used) >= 10_000:
            raise Denied('nonce_memory_full', 'fewer answers within two minutes', len(self.used))
        self.used[nonce] = end

    async def receipt(self, message):
        receipt = {
            'type': 'LegationReceipt',
            'decision': 'deny',
            'at': datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ'),
            'verifier': self.did,
            'presentation': digest(message['presentation']),
            'transcript': digest(message['challenge']),
        }
        try:
            nonce, end = self.open(message)
            verdict = await self.verify(message['presentation'], nonce)
            if verdict['decision'] != 'valid':
                receipt |= {name: verdict[name] for name in ('code', 'link', 'expected', 'found')}
            else:
                self.consume(nonce, end)
                told = ('decision', 'principal', 'agent', 'effective', 'evidence')
                receipt |= {name: verdict[name] for name in told}
                receipt['chain'] = [link['digest'] for link in verdict['chain']]
        except Denied as denied:
            receipt |= {'code': denied.code, 'link': None, 'expected': denied.expected, 'found': denied.found}
        return sign(RECEIPT, self.key_id, receipt, self.key)
