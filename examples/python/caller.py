"""An agent that meets another by its domain, over A2A messages. Prints one JSON object.

    python caller.py https://shop.example --key alice.key --chain delegation.jwt

`--key` is a key file as `legation key generate --insecure-plaintext` writes it, `--chain` the delegations,
root first, whose last subject is the did:key of that key.
"""

import argparse
import asyncio
import json
import sys

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.client import ClientCallContext
from a2a.client.errors import A2AClientError, AgentCardResolutionError
from a2a.client.service_parameters import ServiceParametersFactory, with_a2a_extensions
from a2a.types import Message, Part, Role, SendMessageRequest
from a2a.utils.errors import A2AError
from google.protobuf.json_format import MessageToDict

from cards import card_digest, did_of, endpoint_of, verify_card
from legation_handshake import URI, Caller, Peer, check_message
from signed import Denied, fetch_document, home_of, read_private_key, to_multikey


async def fetch_card(http, base, http_on_loopback):
    """The card of a domain, and the document of its DID, once each vouches for the other."""
    card = await A2ACardResolver(http, base).get_agent_card()
    did = did_of(card)
    home = home_of(did, http_on_loopback)
    if base.rstrip('/') != home:
        raise Denied('card_domain_mismatch', home, base)
    for interface in card.supported_interfaces:
        if not interface.url.startswith(home + '/'):
            raise Denied('card_domain_mismatch', home, interface.url)
    document = await fetch_document(did, http_on_loopback)
    verify_card(card, document)
    return card, document


async def exchange(client, message):
    """One message of the handshake in an A2A message, and the agent's answer."""
    request = SendMessageRequest(
        message=Message(message_id=message['type'], role=Role.ROLE_USER, parts=[Part(text='Legation handshake.')])
    )
    request.message.extensions.append(URI)
    request.message.metadata.update({URI: message})
    parameters = ServiceParametersFactory.create([with_a2a_extensions([URI])])
    context = ClientCallContext(service_parameters=parameters, timeout=30)
    async for answer in client.send_message(request, context=context):
        carried = MessageToDict(answer.message.metadata).get(URI) if answer.HasField('message') else None
        if isinstance(carried, dict) and carried.get('type') == 'refusal':
            refusal = check_message(carried, 'refusal')
            raise Denied(refusal['code'], 'an answer', refusal['reason'])
        if carried is None:
            raise Denied('no_message', f'metadata of {URI}', 'none')
        return carried
    raise Denied('no_message', 'an answer', 'none')


async def meet(arguments):
    key, _ = read_private_key(arguments.key)
    multikey = to_multikey(key.public_key())
    did = f'did:key:{multikey}'
    chain = [open(path, encoding='utf-8').read().strip() for path in arguments.chain]
    activated = []

    async def note(response):
        activated.append(URI in response.headers.get('a2a-extensions', '').replace(' ', '').split(','))

    # The SDK reads an answer whole, however long; a timeout is all that bounds it.
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        card, document = await fetch_card(http, arguments.base, arguments.http_on_loopback)
        peer = Peer(document, endpoint_of(card), card_digest(card))
        http.event_hooks['response'].append(note)
        client = ClientFactory(ClientConfig(streaming=False, httpx_client=http)).create(card)
        caller = Caller(did, f'{did}#{multikey}', key, chain)
        answer = caller.answer(await exchange(client, caller.hello()), peer)
        said = caller.finish(await exchange(client, answer))
    return {
        'decision': said['decision'],
        'code': said.get('code'),
        'callee': said['verifier'],
        'caller': did,
        'principal': said.get('principal'),
        'transcript': said['transcript'],
        'activated': all(activated),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('base', help='the origin of the agent, such as https://shop.example')
    parser.add_argument('--key', required=True)
    parser.add_argument('--chain', required=True, action='append')
    parser.add_argument('--http-on-loopback', action='store_true')
    try:
        result = asyncio.run(meet(parser.parse_args()))
    except Denied as denied:
        result = {'decision': None, 'code': denied.code, 'expected': denied.expected, 'found': denied.found}
    except (A2AError, A2AClientError, AgentCardResolutionError, httpx.HTTPError, OSError) as error:
        result = {'decision': None, 'code': 'a2a_error', 'found': f'{type(error).__name__}: {error}'[:400]}
    print(json.dumps(result))
    return 0 if result['decision'] == 'valid' else 1


if __name__ == '__main__':
    sys.exit(main())
