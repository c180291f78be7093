"""Makes the fixtures of this folder with the official Python SDK, and checks cards that Legation signed.

    pip install 'a2a-sdk[signing]==1.3.0'
    python make_fixtures.py                    writes schema.txt, card.json, jwks.json and sdk-*.json
    python make_fixtures.py verify FILE...     verifies signed cards with the SDK

Keys are generated anew on each run and thrown away; only their public parts are kept.
"""

import json
import sys
from pathlib import Path

from a2a.client.card_resolver import parse_agent_card
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard
from a2a.utils.signing import create_agent_card_signer, create_signature_verifier
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from google.api import annotations_pb2, field_behavior_pb2  # noqa: F401
from google.protobuf.json_format import MessageToDict, ParseDict
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

HERE = Path(__file__).parent
DID = 'did:web:agent.example'
IDENTITY = 'https://w3id.org/legation/a2a/identity/v1'


def schema():
    """The message tree under AgentCard, one line per member."""
    lines, seen = [], set()

    def kind_of(field):
        message = field.message_type
        if message is None:
            return {field.TYPE_STRING: 'string', field.TYPE_BOOL: 'bool'}[field.type], None
        if message.full_name == 'google.protobuf.Struct':
            return 'Struct', None
        return message.name, message

    def walk(message):
        if message.full_name in seen:
            return
        seen.add(message.full_name)
        for field in message.fields:
            if (message.name, field.name) == ('AgentCard', 'signatures'):
                continue
            options = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
            required = field_behavior_pb2.REQUIRED in options
            entry = field.message_type
            if entry is not None and entry.GetOptions().map_entry:
                kind, inner = kind_of(entry.fields_by_name['value'])
                kind = 'map ' + kind
            else:
                kind, inner = kind_of(field)
                if field.is_repeated:
                    kind = 'repeated ' + kind
            presence = 'Required' if required else 'Explicit' if field.has_presence else 'Implicit'
            real_oneof = field.containing_oneof is not None and not (
                len(field.containing_oneof.fields) == 1
                and field.containing_oneof.name == '_' + field.name
            )
            oneof = ' oneof' if real_oneof else ''
            lines.append(f'{message.name}.{field.json_name}: {kind} {presence}{oneof}')
            if inner is not None:
                walk(inner)

    walk(AgentCard.DESCRIPTOR)
    return '\n'.join(sorted(lines)) + '\n'


def card():
    """A card with everything that has ever been canonicalized differently."""
    return {
        'name': 'Größe 😀',
        'description': '',
        'version': '1.0.0',
        'supportedInterfaces': [
            {'url': 'https://agent.example/a2a', 'protocolBinding': 'JSONRPC', 'protocolVersion': '1.0', 'tenant': ''},
            {'url': 'agent.example:443', 'protocolBinding': 'GRPC', 'protocolVersion': '0.3'},
        ],
        'provider': {'url': 'https://agent.example', 'organization': ''},
        'iconUrl': '',
        'capabilities': {
            'streaming': False,
            'pushNotifications': True,
            'extensions': [
                {'uri': IDENTITY, 'required': False, 'params': {'did': DID}},
                {
                    'uri': 'https://ext.example/v1',
                    'params': {
                        'whole': 3.0, 'one': 1, 'half': 0.5, 'big': 1e21, 'huge': 9007199254740993, 'tiny': 1e-7,
                        'minus': -0.0, 'none': None, 'empty': {}, 'text': '', 'list': ['a', '', None, [], 0, False],
                        '\ufb33': 'after', '😀': 'before', 'control': '\u0001\u007f\u2028"\\/',
                    },
                },
            ],
        },
        'securitySchemes': {
            'key': {'apiKeySecurityScheme': {'location': 'header', 'name': 'X-Key'}},
            'tls': {'mtlsSecurityScheme': {}},
            'login': {
                'oauth2SecurityScheme': {
                    'flows': {
                        'clientCredentials': {'tokenUrl': 'https://agent.example/token', 'scopes': {'read': ''}}
                    }
                }
            },
        },
        'securityRequirements': [{'schemes': {'login': {'list': ['read']}}}, {'schemes': {'key': {'list': []}}}, {}],
        'defaultInputModes': ['text/plain'],
        'defaultOutputModes': [],
        'skills': [
            {
                'id': 's', 'name': 'S', 'description': 'does', 'tags': [], 'examples': [],
                'securityRequirements': [{'schemes': {'tls': {}}}],
            }
        ],
    }


def keys():
    """(name, alg, private key, public JWK)"""
    made = [
        ('ed25519', 'EdDSA', ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm),
        ('p256', 'ES256', ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
        ('p384', 'ES384', ec.generate_private_key(ec.SECP384R1()), ECAlgorithm),
        ('rsa', 'RS256', rsa.generate_private_key(65537, 2048), RSAAlgorithm),
    ]
    made.append(('rsa', 'PS256', made[-1][2], RSAAlgorithm))
    for name, alg, private, algorithm in made:
        jwk = json.loads(algorithm.to_jwk(private.public_key()))
        jwk.pop('key_ops', None)
        yield f'{DID}#{name}', alg, private, jwk | {'kid': f'{DID}#{name}'}


def make():
    (HERE / 'schema.txt').write_text(schema())
    (HERE / 'card.json').write_text(json.dumps(card(), ensure_ascii=False, indent=1) + '\n')
    jwks = {}
    for kid, alg, private, jwk in keys():
        jwks[kid] = jwk
        signer = create_agent_card_signer(private, {'alg': alg, 'kid': kid, 'typ': 'JOSE', 'jku': 'https://evil.example'})
        signed = signer(ParseDict(card(), AgentCard()))
        forms = {'plain': MessageToDict(signed), 'served': agent_card_to_dict(signed)}
        for form, value in forms.items():
            if form == 'served' and alg != 'ES256':
                continue
            text = json.dumps(value, ensure_ascii=False, indent=1)
            (HERE / f'sdk-{alg}-{form}.json').write_text(text + '\n')
    (HERE / 'jwks.json').write_text(json.dumps({'keys': list(jwks.values())}, indent=1) + '\n')


def verify(files):
    jwks = {jwk['kid']: PyJWK(jwk) for jwk in json.loads((HERE / 'own-jwks.json').read_text())['keys']}
    for file in files:
        received = parse_agent_card(json.loads(Path(file).read_text()))
        create_signature_verifier(lambda kid, jku: jwks[kid], ['EdDSA', 'ES256'])(received)
        print(f'{file}: the SDK verified it')


if __name__ == '__main__':
    verify(sys.argv[2:]) if sys.argv[1:2] == ['verify'] else make()
