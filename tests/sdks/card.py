"""An agent card by the official Python SDK, for `crates/cli/tests/sdks.rs`.

    card.py verify ORIGIN           fetches the card of ORIGIN and verifies it with the keys of its DID document
    card.py sign CARD KEY KID OUT   signs the card in a file with a private JWK; its earlier signatures go

The outcome is one line on stdout; whatever else goes wrong is a traceback.
"""

import asyncio
import json
import sys
from pathlib import Path

import httpx
from a2a.client import A2ACardResolver
from a2a.client.card_resolver import parse_agent_card
from a2a.utils.signing import SignatureVerificationError, create_agent_card_signer, create_signature_verifier
from google.protobuf.json_format import MessageToJson
from jwt import PyJWK


async def verify(origin):
    async with httpx.AsyncClient() as client:
        document = (await client.get(f'{origin}/.well-known/did.json')).raise_for_status().json()
        keys = {method['id']: method['publicKeyJwk'] for method in document['verificationMethod']}
        verifier = create_signature_verifier(lambda kid, _jku: PyJWK(keys[kid]), ['EdDSA', 'ES256'])
        try:
            card = await A2ACardResolver(client, origin).get_agent_card(signature_verifier=verifier)
        except SignatureVerificationError as error:
            return f'refused: {type(error).__name__}'
        return f'verified: {card.name}'


def sign(card, key, kid, out):
    key = PyJWK(json.loads(Path(key).read_text()))
    card = parse_agent_card(json.loads(Path(card).read_text()))
    del card.signatures[:]
    signer = create_agent_card_signer(key, {'alg': key.algorithm_name, 'kid': kid, 'typ': 'JOSE', 'jku': None})
    Path(out).write_text(MessageToJson(signer(card)))
    return f'signed: {key.algorithm_name}'


if __name__ == '__main__':
    command, *arguments = sys.argv[1:]
    print(asyncio.run(verify(*arguments)) if command == 'verify' else sign(*arguments))
