"""A2A, server and client of the official SDK, as they are, in this process."""

import asyncio
import unittest

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.errors import A2AClientError
from a2a.helpers.proto_helpers import get_data_parts, new_data_part, new_message, new_task_from_user_message, new_text_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandlerV2
from a2a.server.routes.agent_card_routes import create_agent_card_routes
from a2a.server.routes.jsonrpc_routes import create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Role, SendMessageRequest
from starlette.applications import Starlette

from legation.adapters.a2a import Guard
from legation.httpx import LegationAuth
from legation.testing import Organization

ORIGIN = "https://hotel.example"
BOOKED = []


class Hotel(AgentExecutor):
    async def execute(self, context, event_queue):
        task = context.current_task or new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        nights = int(get_data_parts(context.message.parts)[0]["nights"])
        BOOKED.append(nights)
        await updater.complete(updater.new_agent_message(new_text_message(f"booked {nights}").parts))

    async def cancel(self, context, event_queue):
        raise NotImplementedError


def application():
    card = AgentCard(
        name="Hotel",
        description="Books rooms.",
        version="1.0.0",
        supported_interfaces=[AgentInterface(url=f"{ORIGIN}/rpc", protocol_binding="JSONRPC", protocol_version="1.0")],
        capabilities=AgentCapabilities(streaming=False),
        default_input_modes=["application/json"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="book", name="Book", description="Books a room.", tags=["hotel"])],
    )
    handler = DefaultRequestHandlerV2(agent_executor=Hotel(), task_store=InMemoryTaskStore(), agent_card=card)
    return Starlette(routes=create_agent_card_routes(card) + create_jsonrpc_routes(handler, "/rpc"))


class A2a(unittest.TestCase):
    def test_each_message_is_decided_before_it_is_read(self):
        organization = Organization(f"{ORIGIN}/rpc")
        limit = {"type": "argument", "name": "nights", "max": 3}
        agent = organization.agent(actions=["a2a:message/send"], constraints=[limit])
        guarded = Guard(application(), verifier=organization.verifier(), origin=ORIGIN)

        async def book(nights, auth):
            transport = httpx.ASGITransport(guarded)
            async with httpx.AsyncClient(transport=transport, auth=auth) as http:
                card = await A2ACardResolver(http, ORIGIN).get_agent_card()
                client = ClientFactory(ClientConfig(httpx_client=http, streaming=False)).create(card)
                message = new_message([new_data_part({"nights": nights})], role=Role.ROLE_USER)
                return [event async for event in client.send_message(SendMessageRequest(message=message))]

        self.assertIn("booked 2", str(asyncio.run(book(2, LegationAuth(agent)))))
        for nights, auth, status in ((4, LegationAuth(agent), "403"), (1, None, "401")):
            with self.assertRaises(A2AClientError) as raised:
                asyncio.run(book(nights, auth))
            self.assertIn(status, str(raised.exception))
        self.assertEqual(BOOKED, [2])


if __name__ == "__main__":
    unittest.main()
