"""`testing.ScriptedModel` as the models of frameworks."""

from __future__ import annotations

import json
from typing import Any

from .testing import ScriptedModel


def langchain(script: ScriptedModel) -> Any:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    class Scripted(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "scripted"

        def bind_tools(self, tools: Any, **_: Any) -> Any:
            return self

        def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
            said = script.next("\n".join(str(message.content) for message in messages))
            calls = [] if isinstance(said, str) else [{"name": said["name"], "args": said["arguments"], "id": said["id"]}]
            message = AIMessage(said if isinstance(said, str) else "", tool_calls=calls)
            return ChatResult(generations=[ChatGeneration(message=message)])

    return Scripted()


def openai_agents(script: ScriptedModel) -> Any:
    from agents import Model, ModelResponse, Usage
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    class Scripted(Model):
        async def get_response(self, system_instructions: Any, input: Any, *_: Any, **__: Any) -> ModelResponse:
            said = script.next(input if isinstance(input, str) else json.dumps(input, default=str))
            if isinstance(said, str):
                text = ResponseOutputText(type="output_text", text=said, annotations=[])
                output: Any = ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])
            else:
                arguments = json.dumps(said["arguments"])
                output = ResponseFunctionToolCall(type="function_call", name=said["name"], arguments=arguments, call_id=said["id"])
            return ModelResponse(output=[output], usage=Usage(), response_id=None)

        def stream_response(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError("a scripted model does not stream")

    return Scripted()


def pydantic_ai(script: ScriptedModel) -> Any:
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel

    def says(messages: Any, _: Any) -> ModelResponse:
        said = script.next(repr(messages[-1]))
        if isinstance(said, str):
            return ModelResponse(parts=[TextPart(said)])
        return ModelResponse(parts=[ToolCallPart(said["name"], said["arguments"], said["id"])])

    return FunctionModel(says)
