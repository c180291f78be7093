"""An agent that answers whoever can show for whom it acts, over A2A messages.

    python callee.py --origin https://shop.example --port 8443 --key shop.key --trust trust.json --legation legation

It serves its DID document, its signed card and A2A at `/a2a`, by plain HTTP: a proxy in front speaks TLS.
Chains are verified by the `legation` command, since there is no Python package of the verifier yet.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import uuid
from urllib.parse import urlsplit

import uvicorn
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import AgentCapabilities, AgentCard, AgentExtension, AgentInterface, AgentSkill, Message, Part, Role
from a2a.utils.errors import ExtensionSupportRequiredError, UnsupportedOperationError
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cards import IDENTITY, card_digest, sign_card
from legation_handshake import URI, Callee
from signed import Denied, read_private_key, thumbprint

BODY_BYTES = 1 << 20
VERIFY_SECONDS = 30


def reply(text, carried=None):
    message = Message(message_id=str(uuid.uuid4()), role=Role.ROLE_AGENT, parts=[Part(text=text)])
    if carried:
        message.extensions.append(URI)
        message.metadata.update({URI: carried})
    return message


class Shop(AgentExecutor):
    """The agent itself: it repeats what it is told."""

    async def execute(self, context, event_queue):
        await event_queue.enqueue_event(reply(f'the agent heard: {context.get_user_input()}'))

    async def cancel(self, context, event_queue):
        raise UnsupportedOperationError


class Handler(DefaultRequestHandler):
    """Messages that carry the handshake are answered here, all others by the agent."""

    callee = None

    async def on_message_send(self, params, context):
        check_active(context)
        if URI not in params.message.metadata:
            return await super().on_message_send(params, context)
        try:
            carried = await self.callee.respond(MessageToDict(params.message.metadata)[URI])
        except Denied as denied:
            carried = {'type': 'refusal', 'code': denied.code, 'reason': str(denied)}
        return reply(f'Legation handshake: {carried["type"]}.', carried)

    async def on_message_send_stream(self, params, context):
        check_active(context)
        if URI in params.message.metadata:
            raise UnsupportedOperationError
        async for event in super().on_message_send_stream(params, context):
            yield event


def check_active(context):
    if URI not in context.requested_extensions:
        raise ExtensionSupportRequiredError


class Extension:
    """ASGI: bounds requests, and says in the answer's header that the extension was active.

    The SDK reads the header and leaves answering it to the agent.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope['type'] != 'http':
            return await self.app(scope, receive, send)
        lines = [value.decode('latin-1') for name, value in scope['headers'] if name == b'a2a-extensions']
        active = any(uri.strip() == URI for line in lines for uri in line.split(','))
        left = BODY_BYTES

        async def echo(event):
            if event['type'] == 'http.response.start' and active:
                event['headers'] = [*event.get('headers', []), (b'a2a-extensions', URI.encode())]
            await send(event)

        body, event = [], {'more_body': True}
        while event.get('more_body'):
            event = await receive()
            left -= len(event.get('body', b''))
            if left >= 0:
                body.append(event)
        if left < 0:
            return await Response(f'at most {BODY_BYTES} bytes', 413)(scope, receive, echo)

        async def again():
            return body.pop(0) if body else await receive()

        await self.app(scope, again, echo)


def verifier(arguments, did):
    """Verifies a presentation and its chain by the `legation` command."""

    async def verify(presentation, nonce):
        with tempfile.NamedTemporaryFile('w', suffix='.jwt') as file:
            file.write(presentation)
            file.flush()
            command = [arguments.legation, 'verify', '--json', f'--trust={arguments.trust}', f'--audience={did}']
            command += [f'--nonce={nonce}', *(['--http-on-loopback'] if arguments.http_on_loopback else []), file.name]
            pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
            process = await asyncio.create_subprocess_exec(*command, stdin=null, stdout=pipe, stderr=null)
            try:
                out, _ = await asyncio.wait_for(process.communicate(), VERIFY_SECONDS)
            except TimeoutError:
                process.kill()
                raise Denied('unavailable', f'a verdict within {VERIFY_SECONDS} s', 'none') from None
        try:
            verdict = json.loads(out)
        except ValueError:
            raise Denied('unavailable', 'a verdict', 'none') from None
        # 0 is a chain that holds, 1 one that does not; anything else is no verdict.
        if (process.returncode, verdict.get('decision')) not in ((0, 'valid'), (1, 'deny')):
            raise Denied('unavailable', 'a verdict', process.returncode)
        return verdict

    return verify


def make_card(origin, did):
    extensions = [AgentExtension(uri=IDENTITY), AgentExtension(uri=URI, required=True)]
    extensions[0].params.update({'did': did})
    extensions[1].params.update({'handshake': f'{origin}/a2a'})
    return AgentCard(
        name='Python shop',
        description='Books rooms.',
        version='1.0.0',
        supported_interfaces=[AgentInterface(url=f'{origin}/a2a', protocol_binding='JSONRPC', protocol_version='1.0')],
        capabilities=AgentCapabilities(extensions=extensions),
        skills=[AgentSkill(id='book', name='Book', description='Books a room.', tags=['rooms'])],
        default_input_modes=['text/plain'],
        default_output_modes=['text/plain'],
    )


def make_app(arguments):
    key, jwk = read_private_key(arguments.key)
    did = 'did:web:' + urlsplit(arguments.origin).netloc.replace(':', '%3A')
    key_id = f'{did}#{thumbprint(jwk)}'
    method = {'id': key_id, 'type': 'JsonWebKey', 'controller': did, 'publicKeyJwk': jwk}
    document = {'id': did, 'verificationMethod': [method], 'assertionMethod': [key_id], 'authentication': [key_id]}
    card = make_card(arguments.origin, did)
    digest = card_digest(card)
    sign_card(card, key_id, key)
    handler = Handler(agent_executor=Shop(), task_store=InMemoryTaskStore(), agent_card=card)
    verify = verifier(arguments, did)
    handler.callee = Callee(did, key_id, key, f'{arguments.origin}/a2a', digest, verify)

    async def did_json(_request):
        return JSONResponse(document, media_type='application/did+json')

    routes = [Route('/.well-known/did.json', did_json), *create_agent_card_routes(card)]
    routes += create_jsonrpc_routes(handler, '/a2a')
    return Starlette(routes=routes, middleware=[Middleware(Extension)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--origin', required=True, help='scheme, host and port as callers know them')
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--key', required=True)
    parser.add_argument('--trust', required=True, help='trust settings of the `legation` command')
    parser.add_argument('--legation', default='legation', help='the `legation` command')
    parser.add_argument('--http-on-loopback', action='store_true')
    arguments = parser.parse_args()
    uvicorn.run(make_app(arguments), host='127.0.0.1', port=arguments.port, log_level='warning')


if __name__ == '__main__':
    sys.exit(main())
