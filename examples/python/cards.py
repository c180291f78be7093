"""Agent cards with the official SDK's own signer and verifier, and what the handshake needs of them."""

import hashlib

import rfc8785
from a2a.types import AgentCard
from a2a.utils.signing import SignatureVerificationError, create_agent_card_signer, create_signature_verifier
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.protobuf.json_format import MessageToDict
from jwt.exceptions import InvalidKeyError

from legation_handshake import URI
from signed import Denied, b64, key_of

IDENTITY = 'https://w3id.org/legation/a2a/identity/v1'


def card_digest(card):
    """SHA-256 of the card's canonical form as A2A 8.4 has it.

    The SDK signs a form without empty members. Only of a card that has none are the two the same.
    """
    members = MessageToDict(card)
    members.pop('signatures', None)

    def is_whole(value):
        if isinstance(value, dict | list):
            inner = value.values() if isinstance(value, dict) else value
            return bool(value) and all(map(is_whole, inner))
        return value is not None and value != ''

    if not is_whole(members):
        raise Denied('card_form', 'a card without empty members', 'empty members')
    return b64(hashlib.sha256(rfc8785.dumps(members)).digest())


def extension_of(card, uri):
    found = [one for one in card.capabilities.extensions if one.uri == uri]
    if len(found) > 1:
        raise Denied('malformed', 'an extension once', uri)
    return MessageToDict(found[0].params) if found else None


def did_of(card):
    did = (extension_of(card, IDENTITY) or {}).get('did')
    if not isinstance(did, str):
        raise Denied('card_unbound', f'a DID in the extension {IDENTITY}', 'none')
    return did


def endpoint_of(card):
    """The interface where the handshake is spoken in A2A messages."""
    endpoint = (extension_of(card, URI) or {}).get('handshake')
    for interface in card.supported_interfaces:
        is_one = interface.protocol_binding == 'JSONRPC' and interface.protocol_version.startswith('1.')
        if is_one and interface.url == endpoint:
            return endpoint
    raise Denied('no_interface', 'a JSONRPC interface of A2A 1 where the handshake is spoken', endpoint)


def verify_card(card, document):
    """Verifies a card by a key of its DID's document, with the SDK's verifier."""

    def key(kid, _jku):
        try:
            return key_of(document, kid, 'assertionMethod')
        except Denied as denied:
            # The verifier goes on to the next signature on an error of this library only.
            raise InvalidKeyError(str(denied)) from None

    try:
        create_signature_verifier(key, ['EdDSA'])(card)
    except SignatureVerificationError as error:
        raise Denied('signature_invalid', f'a signature by a key of {document["id"]}', error) from None


def sign_card(card: AgentCard, key_id, key):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return create_agent_card_signer(pem, {'kid': key_id, 'alg': 'EdDSA', 'typ': 'JOSE'})(card)
