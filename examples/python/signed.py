"""What the handshake's texts are made of: strict JSON, JWS, DIDs and their keys. Ed25519 only."""

import base64
import hashlib
import json
import re

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

DOCUMENT_BYTES = 64 * 1024
BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
KEY_HEADERS = {'jwk', 'jku', 'x5c', 'x5u'}
DID = re.compile(r'did:[a-z0-9]{1,32}:[A-Za-z0-9._%:-]{1,400}')


class Denied(Exception):
    """A rule was broken. `code` is stable and the same as in the Rust crates."""

    def __init__(self, code, expected='', found=''):
        super().__init__(f'{code}: expected {expected}, found {found}')
        self.code, self.expected, self.found = code, str(expected)[:400], str(found)[:400]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def unb64(text):
    """base64url without padding and in its one spelling."""
    if not isinstance(text, str):
        raise Denied('malformed', 'base64url', 'no text')
    try:
        data = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    except ValueError:
        raise Denied('malformed', 'base64url', text[:40]) from None
    if b64(data) != text:
        raise Denied('malformed', 'base64url without padding', text[:40])
    return data


def digest(text):
    """SHA-256 as base64url, which is how challenges and presentations are named."""
    return b64(hashlib.sha256(text.encode()).digest())


def read_object(text, limit):
    """A JSON object in which no name stands twice."""

    def members(pairs):
        names = dict(pairs)
        if len(names) != len(pairs):
            raise Denied('duplicate_member', 'each member once', 'one twice')
        return names

    def constant(name):
        raise Denied('malformed', 'a JSON number', name)

    if len(text) > limit:
        raise Denied('input_too_large', f'at most {limit} bytes', len(text))
    try:
        value = json.loads(text, object_pairs_hook=members, parse_constant=constant)
    except (ValueError, RecursionError):
        raise Denied('malformed', 'JSON', 'something else') from None
    if not isinstance(value, dict):
        raise Denied('malformed', 'an object', 'something else')
    return value


def check_members(value, texts, integers=()):
    """Exactly these members; unknown means no."""
    unknown = set(value) - set(texts) - set(integers)
    if unknown:
        raise Denied('unknown_member', ', '.join(texts), sorted(unknown)[0])
    for name in texts:
        if not isinstance(value.get(name), str):
            raise Denied('malformed', f'text in `{name}`', 'none')
    for name in integers:
        if type(value.get(name)) is not int or abs(value[name]) >= 2**53:
            raise Denied('malformed', f'an integer in `{name}`', 'none')


def sign(kind, key_id, payload, key):
    header = {'alg': 'EdDSA', 'kid': key_id, 'typ': kind}
    signing_input = '.'.join(b64(json.dumps(part).encode()) for part in (header, payload))
    return f'{signing_input}.{b64(key.sign(signing_input.encode()))}'


def read_jws(text, kind, limit):
    """Header and payload of a compact JWS. Nothing is verified."""
    if len(text) > limit:
        raise Denied('input_too_large', f'at most {limit} bytes', len(text))
    parts = text.split('.')
    if len(parts) != 3:
        raise Denied('malformed', 'three parts', len(parts))
    header = read_object(unb64(parts[0]), 4096)
    if KEY_HEADERS & set(header):
        raise Denied('header_key_forbidden', 'a `kid`', 'a key')
    if {'crit', 'b64'} & set(header):
        raise Denied('critical_header', 'no `crit`', 'one')
    if header.get('alg') not in ('EdDSA', 'Ed25519'):
        raise Denied('algorithm_not_allowed', 'EdDSA', header.get('alg'))
    if header.get('typ') not in (kind, f'application/{kind}'):
        raise Denied('type_mismatch', kind, header.get('typ'))
    if not isinstance(header.get('kid'), str):
        raise Denied('malformed', 'a `kid`', 'none')
    return header, read_object(unb64(parts[1]), limit)


def check_signature(text, key):
    signing_input, _, signature = text.rpartition('.')
    try:
        key.verify(unb64(signature), signing_input.encode())
    except InvalidSignature:
        raise Denied('signature_invalid', 'a signature by the key that is named', 'one that does not fit') from None


def read_private_key(path):
    """The key and its JWK, from a file as `legation key generate --insecure-plaintext` writes it."""
    with open(path, encoding='utf-8') as file:
        jwk = read_object(file.read(), 4096)
    if (jwk.get('kty'), jwk.get('crv')) != ('OKP', 'Ed25519'):
        raise Denied('algorithm_not_allowed', 'an Ed25519 key', jwk.get('crv'))
    return Ed25519PrivateKey.from_private_bytes(unb64(jwk['d'])), {name: jwk[name] for name in ('crv', 'kty', 'x')}


def thumbprint(jwk):
    """RFC 7638."""
    return b64(hashlib.sha256(json.dumps(jwk, sort_keys=True, separators=(',', ':')).encode()).digest())


def from_multikey(text):
    """An Ed25519 Multikey: base58btc of 0xed 0x01 and the key."""
    if not isinstance(text, str) or not text.startswith('z') or len(text) > 80 or not set(text[1:]) <= set(BASE58):
        raise Denied('malformed', 'a Multikey', text)
    number = 0
    for character in text[1:]:
        number = number * 58 + BASE58.index(character)
    data = number.to_bytes((number.bit_length() + 7) // 8, 'big')
    if len(data) != 34 or data[:2] != b'\xed\x01':
        raise Denied('algorithm_not_allowed', 'an Ed25519 key', 'another')
    return Ed25519PublicKey.from_public_bytes(data[2:])


def to_multikey(key):
    number, text = int.from_bytes(b'\xed\x01' + key.public_bytes_raw(), 'big'), ''
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return 'z' + text


def read_did(text):
    if not DID.fullmatch(text):
        raise Denied('malformed', 'a DID', text[:80])
    return text


def home_of(did, http_on_loopback=False):
    """The origin of a did:web without a path."""
    host = read_did(did).removeprefix('did:web:')
    if not did.startswith('did:web:') or ':' in host:
        raise Denied('did_unresolved', 'a did:web of a domain', did)
    host = host.replace('%3A', ':')
    is_local = re.fullmatch(r'localhost(:\d+)?', host) is not None
    if is_local and not http_on_loopback:
        raise Denied('did_unresolved', 'a public host, or --http-on-loopback', host)
    return f'http://{host}' if is_local else f'https://{host}'


async def fetch_document(did, http_on_loopback=False):
    """The DID document of a did:web."""
    url = home_of(did, http_on_loopback) + '/.well-known/did.json'
    body = b''
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client, client.stream('GET', url) as response:
        if response.status_code != 200:
            raise Denied('did_unresolved', 'status 200', response.status_code)
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > DOCUMENT_BYTES:
                raise Denied('did_unresolved', f'at most {DOCUMENT_BYTES} bytes', 'more')
    document = read_object(body, DOCUMENT_BYTES)
    if document.get('id') != did:
        raise Denied('did_unresolved', did, document.get('id'))
    return document


def key_of(document, key_id, purpose):
    """The key that a document lists under an id for a purpose."""
    listed, methods = document.get(purpose, []), document.get('verificationMethod', [])
    if not isinstance(listed, list) or not isinstance(methods, list):
        raise Denied('malformed', 'lists of keys', 'something else')
    embedded = [one for one in listed if isinstance(one, dict)]
    if key_id not in [*listed, *(one.get('id') for one in embedded)]:
        raise Denied('key_not_found', f'a key for `{purpose}`', key_id)
    found = [one for one in [*methods, *embedded] if isinstance(one, dict) and one.get('id') == key_id]
    if len(found) != 1 or found[0].get('controller') != document['id']:
        raise Denied('key_not_found', 'one key of the document', key_id)
    # An end of the key is not judged here, so a key that has one does not count.
    if {'revoked', 'expires'} & set(found[0]):
        raise Denied('key_revoked', 'a key without an end', key_id)
    jwk = found[0].get('publicKeyJwk')
    return from_multikey(found[0].get('publicKeyMultibase')) if jwk is None else from_jwk(jwk)


def from_jwk(jwk):
    if not isinstance(jwk, dict) or (jwk.get('kty'), jwk.get('crv')) != ('OKP', 'Ed25519'):
        raise Denied('algorithm_not_allowed', 'an Ed25519 key', 'another')
    data = unb64(jwk.get('x'))
    if len(data) != 32:
        raise Denied('malformed', '32 bytes in `x`', len(data))
    return Ed25519PublicKey.from_public_bytes(data)
