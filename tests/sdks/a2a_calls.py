"""Calls of an A2A agent by the official SDK's client, as it is, through a gateway.

    a2a_calls.py VERSION BINDING GATEWAY AGENT KEYS    with the API key in `KEY`; VERSION is `1.0` or `0.3`, BINDING `JSONRPC` or
                                                       `HTTP+JSON`

The agent's card is fetched through the gateway and verified by the SDK with the key in the file KEYS. Where messages go to is said by
the gateway's own card, which the SDK verifies with the keys of the organization's DID document, and which names the agent's by its
digest. It prints a line of JSON for each thing that it did.
"""

import asyncio
import base64
import hashlib
import json
import os
import sys
from pathlib import Path

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.helpers.proto_helpers import new_data_part, new_message
from a2a.types import GetTaskRequest, ListTasksRequest, Role, SendMessageRequest, TaskState
from a2a.utils.signing import SignatureVerificationError, create_signature_verifier
from google.protobuf.json_format import MessageToDict
from jwt import PyJWK

VERSION, BINDING, GATEWAY, AGENT, KEYS = sys.argv[1:]
CARD = '/.well-known/agent-card.json'


def told(**what):
    print(json.dumps(what), flush=True)


async def card(http):
    key = json.loads(Path(KEYS).read_text())
    verifier = create_signature_verifier(lambda _kid, _jku: PyJWK(key), ['ES256'])
    found = await A2ACardResolver(http, GATEWAY).get_agent_card(signature_verifier=verifier)
    through = (await http.get(GATEWAY + CARD)).content
    async with httpx.AsyncClient() as direct:
        told(verified=found.name, same=through == (await direct.get(AGENT + CARD)).content)
    unread = await http.get(GATEWAY + CARD, headers={'if-none-match': (await http.get(GATEWAY + CARD)).headers['etag']})
    told(again=unread.status_code)
    return through


async def overlay(http, card):
    document = (await http.get(GATEWAY.rsplit('/', 1)[0] + '/.well-known/did.json')).raise_for_status().json()
    keys = {method['id']: method['publicKeyJwk'] for method in document['verificationMethod']}
    verifier = create_signature_verifier(lambda kid, _jku: PyJWK(keys[kid]), ['EdDSA', 'ES256'])
    found = await A2ACardResolver(http, GATEWAY).get_agent_card(
        '.well-known/agent-card-overlay.json', signature_verifier=verifier
    )
    says = [one for one in found.capabilities.extensions if one.uri.endswith('/a2a/overlay/v1')]
    digest = base64.urlsafe_b64encode(hashlib.sha256(card).digest()).rstrip(b'=').decode()
    urls = {interface.url for interface in found.supported_interfaces}
    told(overlay=found.name, same=[one.params['digest'] for one in says] == [digest], to=urls == {GATEWAY + '/rpc', GATEWAY + '/rest'})
    return found


def message(skill=None, **data):
    one = new_message([new_data_part(data)], role=Role.ROLE_USER)
    if skill:
        one.metadata['skillId'] = skill
    return SendMessageRequest(message=one)


async def send(client, what, request):
    states, said, task = [], '', None
    try:
        async for event in client.send_message(request):
            if event.HasField('task'):
                task = event.task.id
                states.append(TaskState.Name(event.task.status.state))
                said = said or str(MessageToDict(event.task.metadata))
                status = event.task.status
            else:
                status = event.status_update.status
                states.append(TaskState.Name(status.state))
            said = ''.join(part.text for part in status.message.parts) or said
        told(sent=what, states=states, said=said)
    except Exception as error:  # what the SDK raises is what is looked at
        # By HTTP+JSON the SDK tells the status alone; what was answered is in the error that it was made of.
        cause = error.__cause__
        answered = cause.response.text if isinstance(cause, httpx.HTTPStatusError) else ''
        told(sent=what, raised=type(error).__name__, said=str(error) + answered)
    return task


async def main():
    headers = {'authorization': f"Bearer {os.environ['KEY']}", 'a2a-version': VERSION}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        found = await overlay(http, await card(http))
        spoken = [one for one in found.supported_interfaces if one.protocol_version == VERSION]
        kept = [one for one in spoken if one.protocol_binding == BINDING]
        del found.supported_interfaces[:]
        found.supported_interfaces.extend(kept)
        for streams in (False, True):
            config = ClientConfig(streaming=streams, httpx_client=http, supported_protocol_bindings=[BINDING])
            client = ClientFactory(config).create(found)
            how = 'streamed' if streams else 'whole'
            task = await send(client, how, message('book', nights=2, amount=100, currency='USD'))
            state = await client.get_task(GetTaskRequest(id=task))
            told(task=TaskState.Name(state.status.state), same=state.id == task)
            await send(client, f'{how}, too long', message('book', nights=9, amount=100, currency='USD'))
            await send(client, f'{how}, no skill', message(nights=2))
            await send(client, f'{how}, dear', message('book', nights=1, amount=9000, currency='USD'))
        if VERSION == '1.0':
            listed = await client.list_tasks(ListTasksRequest())
            told(listed=len(listed.tasks), total=listed.total_size)
        try:
            await client.get_task(GetTaskRequest(id='nobodys'))
        except Exception as error:
            told(unknown=type(error).__name__)


asyncio.run(main())
