"""An A2A agent by the official SDK, as it is, with a card that the SDK signs.

    a2a_server.py PORT KEYS    JSON-RPC of 1.0 and 0.3 at http://localhost:PORT/rpc, HTTP+JSON of 1.0 at http://localhost:PORT/rest; the
                               public key of its card goes to the file KEYS

It books rooms from data; of words it says that it has read them.
"""

import json
import sys
from pathlib import Path

import uvicorn
from a2a.helpers.proto_helpers import get_data_parts, new_task_from_user_message, new_text_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandlerV2
from a2a.server.routes.agent_card_routes import create_agent_card_routes
from a2a.server.routes.jsonrpc_routes import create_jsonrpc_routes
from a2a.server.routes.rest_routes import create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from a2a.utils.signing import create_agent_card_signer
from cryptography.hazmat.primitives.asymmetric import ec
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm
from starlette.applications import Starlette

PORT, KEYS = int(sys.argv[1]), Path(sys.argv[2])


class Hotel(AgentExecutor):
    async def execute(self, context, event_queue):
        task = context.current_task or new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        data = get_data_parts(context.message.parts)
        said = f"booked {int(data[0]['nights'])} nights" if data else "read"
        await updater.complete(updater.new_agent_message(new_text_message(said).parts))

    async def cancel(self, context, event_queue):
        raise NotImplementedError


def signed(card):
    key = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    private = PyJWK({**ECAlgorithm.to_jwk(key, as_dict=True), 'alg': 'ES256'})
    card = create_agent_card_signer(private, {'alg': 'ES256', 'kid': 'card', 'typ': 'JOSE', 'jku': None})(card)
    KEYS.write_text(json.dumps({**public, 'alg': 'ES256'}))
    return card


url = f'http://localhost:{PORT}/rpc'
card = signed(
    AgentCard(
        name='Grüner Baum',
        description='Books rooms.',
        version='1.0.0',
        supported_interfaces=[
            AgentInterface(url=url, protocol_binding='JSONRPC', protocol_version='1.0'),
            AgentInterface(url=url, protocol_binding='JSONRPC', protocol_version='0.3'),
            AgentInterface(
                url=f'http://localhost:{PORT}/rest', protocol_binding='HTTP+JSON', protocol_version='1.0'
            ),
        ],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=['application/json'],
        default_output_modes=['text/plain'],
        skills=[AgentSkill(id='book', name='Book', description='Books a room.', tags=['hotel'])],
    )
)
handler = DefaultRequestHandlerV2(agent_executor=Hotel(), task_store=InMemoryTaskStore(), agent_card=card)
routes = create_agent_card_routes(card) + create_jsonrpc_routes(handler, '/rpc', enable_v0_3_compat=True)
routes += create_rest_routes(handler, path_prefix='/rest')
uvicorn.run(Starlette(routes=routes), host='127.0.0.1', port=PORT, log_level='warning')
