"""Signs requests with the PyPI package http-message-signatures, and verifies requests that Legation signed.

    pip install -r requirements.txt
    python make_fixtures.py              writes python.json
    python make_fixtures.py verify       verifies every request of own.json, and that altered ones fail

Keys are generated anew on each run and thrown away; only their public parts are kept.
"""

import base64
import copy
import datetime
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from http_message_signatures.structures import CaseInsensitiveDict

HERE = Path(__file__).parent
ALGORITHMS = {'ed25519': algorithms.ED25519, 'ecdsa-p256-sha256': algorithms.ECDSA_P256_SHA256}
CHAIN = 'eyJh.eyJp.c2ln~eyJh.eyJx.c2lo'
CREATED = 1_795_255_200


class Request:
    def __init__(self, method, url, headers, body):
        self.method, self.url, self.body = method, url, body
        self.headers = CaseInsensitiveDict(headers)


class Keys(HTTPSignatureKeyResolver):
    def __init__(self, public=None, private=None):
        self.public, self.private = public, private

    def resolve_public_key(self, key_id):
        return self.public

    def resolve_private_key(self, key_id):
        return self.private


class TimelessVerifier(HTTPMessageVerifier):
    """The requests are of one fixed moment; whether that is now is nothing to compare."""

    def validate_created_and_expires(self, sig_input, max_age=None):
        assert sig_input.params['created'] < sig_input.params['expires']


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def jwk(public):
    """The required members, in the order of RFC 7638."""
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {'crv': 'Ed25519', 'kty': 'OKP', 'x': b64url(public.public_bytes_raw())}
    numbers = public.public_numbers()
    x, y = (b64url(number.to_bytes(32)) for number in (numbers.x, numbers.y))
    return {'crv': 'P-256', 'kty': 'EC', 'x': x, 'y': y}


def public_key(jwk):
    x = unb64url(jwk['x'])
    if jwk['kty'] == 'OKP':
        return ed25519.Ed25519PublicKey.from_public_bytes(x)
    point = b'\x04' + x + unb64url(jwk['y'])
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def thumbprint(jwk):
    return b64url(hashlib.sha256(json.dumps(jwk, separators=(',', ':')).encode()).digest())


def sign(name, alg, method, url, headers, body, more=(), **options):
    private = (
        ed25519.Ed25519PrivateKey.generate()
        if alg == 'ed25519'
        else ec.generate_private_key(ec.SECP256R1())
    )
    public = jwk(private.public_key())
    request = Request(method, url, headers, body.encode())
    HTTPMessageSigner(signature_algorithm=ALGORITHMS[alg], key_resolver=Keys(private=private)).sign(
        request,
        key_id=thumbprint(public),
        created=datetime.datetime.fromtimestamp(CREATED, datetime.timezone.utc),
        expires=datetime.datetime.fromtimestamp(CREATED + 60, datetime.timezone.utc),
        nonce='nonce of "python" \\ 1',
        covered_component_ids=('@method', '@target-uri', *more, 'agent-delegation'),
        body=request.body or None,
        **options,
    )
    return {
        'name': name,
        'algorithm': alg if options.get('include_alg', True) else None,
        'key': public,
        'method': method,
        'target_uri': url,
        'headers': dict(request.headers.items()),
        'body': body,
    }


def make():
    digest = base64.b64encode(hashlib.sha256(CHAIN.encode()).digest()).decode()
    url = 'https://shop.example/rooms?night=2'
    more = (
        '@authority', '@scheme', '@path', '@query', '@request-target', 'accept',
        '"signature-agent";key="sig1"',
    )
    agent = {'Signature-Agent': 'sig1="https://agent.example";type=directory', 'Accept': ' a,  b '}
    requests = [
        sign('a body', 'ed25519', 'POST', url, {'Agent-Delegation': CHAIN}, '{"beds":2}'),
        sign('a body', 'ecdsa-p256-sha256', 'POST', url, {'Agent-Delegation': CHAIN}, '{"beds":2}'),
        sign('no body, a digest', 'ed25519', 'GET', url, {'Agent-Delegation': f':{digest}:'}, ''),
        sign('no path', 'ed25519', 'GET', 'https://shop.example', {'Agent-Delegation': CHAIN}, ''),
        sign('no alg', 'ed25519', 'GET', url, {'Agent-Delegation': CHAIN}, '', include_alg=False),
        sign(
            'a signature for Web Bot Auth', 'ed25519', 'GET', 'https://shop.example:8443?a=%20b',
            {'Agent-Delegation': CHAIN, **agent}, '', more, tag='web-bot-auth', label='sig1',
        ),
    ]
    made = 'make_fixtures.py with http-message-signatures 3.0.0'
    (HERE / 'python.json').write_text(json.dumps({'made_by': made, 'requests': requests}, indent=1) + '\n')


def verifies(one):
    request = Request(one['method'], one['target_uri'], one['headers'], one['body'].encode())
    keys = Keys(public=public_key(one['key']))
    verifier = TimelessVerifier(signature_algorithm=ALGORITHMS[one['algorithm']], key_resolver=keys)
    try:
        results = verifier.verify(request, max_age=None)
    except InvalidSignature:
        return False
    if request.body:
        verifier.verify_body(request, results, request.body)
    covered = set(results[0].covered_components)
    wanted = {'"@method"', '"@target-uri"', '"agent-delegation"'} | ({'"content-digest"'} if request.body else set())
    assert wanted <= covered, covered
    assert results[0].parameters['keyid'] == thumbprint(one['key'])
    return True


def verify():
    for one in json.loads((HERE / 'own.json').read_text())['requests']:
        assert verifies(one), one['name']
        altered = copy.deepcopy(one)
        altered['headers']['agent-delegation'] = 'eyJh.eyJp.c2lo'
        assert not verifies(altered), one['name']
        print('verified:', one['name'], one['algorithm'])


if __name__ == '__main__':
    verify() if sys.argv[1:] == ['verify'] else make()
