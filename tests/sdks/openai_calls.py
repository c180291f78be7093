"""Calls of a model interface by the official OpenAI SDK, as it is, with its own retries.

    openai_calls.py CALL [then CALL]…

with `OPENAI_BASE_URL` and `OPENAI_API_KEY` in the environment. A call is one of

    chat MODEL [--stream] [--max-tokens N] [--n N] [--prompt TEXT] [--timeout SECONDS]
    models
    many COUNT MODEL [the options of chat]      so many at once
    image MODEL [--size S] [--quality Q] [--n N]
    edit MODEL | speak MODEL | transcribe MODEL
    batch MODEL                                 a file, a batch of it, and what is told of both

Each prints a line of JSON: whether it went well (`ok`), what came or which exception the SDK raised, with the `code` of the
error's body, and how many HTTP requests it took (`requests`), retries included. A stream that breaks tells the text it had.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter

import openai


class Wire:
    """What the SDK sends and gets, counted below it."""

    def __init__(self):
        self.requests = 0
        self.status = None

    def sent(self, _request):
        self.requests += 1

    def answered(self, response):
        self.status = response.status_code

    async def sent_async(self, request):
        self.sent(request)

    async def answered_async(self, response):
        self.answered(response)

    def client(self, **options):
        hooks = {'request': [self.sent], 'response': [self.answered]}
        return openai.OpenAI(http_client=openai.DefaultHttpxClient(event_hooks=hooks), **options)

    def async_client(self, **options):
        hooks = {'request': [self.sent_async], 'response': [self.answered_async]}
        return openai.AsyncOpenAI(http_client=openai.DefaultAsyncHttpxClient(event_hooks=hooks), **options)


class Answer:
    """What a chat said, whole or so far."""

    def __init__(self):
        self.texts = {}
        self.finish = None
        self.usage = None

    def take(self, message):
        """A completion, or a chunk of one."""
        for choice in message.choices:
            said = getattr(choice, 'delta', None) or getattr(choice, 'message', None)
            self.texts[choice.index] = self.texts.get(choice.index, '') + (said.content or '' if said else '')
            self.finish = choice.finish_reason or self.finish
        if message.usage is not None:
            self.usage = message.usage.model_dump()

    def told(self):
        texts = [self.texts[index] for index in sorted(self.texts)]
        return {'text': texts[0] if texts else '', 'texts': texts, 'finish': self.finish, 'usage': self.usage}


def asked(options):
    """What is sent: nothing that was not asked for."""
    made = {'model': options.model, 'messages': [{'role': 'user', 'content': options.prompt}]}
    if options.max_tokens is not None:
        made['max_tokens'] = options.max_tokens
    if options.n is not None:
        made['n'] = options.n
    if options.stream:
        made.update(stream=True, stream_options={'include_usage': True})
    return made


def failed(error):
    told = {'ok': False, 'error': type(error).__name__, 'message': str(error)}
    return told | {'code': getattr(error, 'code', None), 'type': getattr(error, 'type', None)}


def chat(options):
    wire, answer = Wire(), Answer()
    try:
        with wire.client(**timeout(options)) as client:
            made = client.chat.completions.create(**asked(options))
            for message in made if options.stream else [made]:
                answer.take(message)
        told = {'ok': True}
    except Exception as error:  # whatever it is, is told
        told = failed(error)
    return told | {'status': wire.status, 'requests': wire.requests} | answer.told()


def models(options):
    wire, names = Wire(), []
    try:
        with wire.client(**timeout(options)) as client:
            names = [model.id for model in client.models.list()]
        told = {'ok': True}
    except Exception as error:
        told = failed(error)
    return told | {'status': wire.status, 'requests': wire.requests, 'models': names}


def once(options, call):
    """What came of a call of the client, beside what it says itself."""
    wire, told = Wire(), {}
    try:
        with wire.client(**timeout(options)) as client:
            told = {'ok': True} | call(client)
    except Exception as error:
        told = failed(error)
    return told | {'status': wire.status, 'requests': wire.requests}


def image(options):
    asked = {name: getattr(options, name) for name in ['size', 'quality', 'n'] if getattr(options, name) is not None}
    return once(options, lambda client: {
        'images': len(client.images.generate(model=options.model, prompt='a cat', **asked).data)})


def edit(options):
    pictures = [('a.png', b'PNG', 'image/png'), ('b.png', b'PNG', 'image/png')]
    return once(options, lambda client: {
        'images': len(client.images.edit(model=options.model, prompt='a hat on it', image=pictures).data)})


def speak(options):
    return once(options, lambda client: {
        'bytes': len(client.audio.speech.create(model=options.model, voice='alloy', input='Hello.').content)})


def transcribe(options):
    return once(options, lambda client: {
        'text': client.audio.transcriptions.create(model=options.model, file=('a.mp3', b'sound', 'audio/mpeg')).text})


def batch(options):
    body = {'model': options.model, 'max_tokens': 1, 'messages': [{'role': 'user', 'content': 'hello'}]}
    line = {'custom_id': 'one', 'method': 'POST', 'url': '/v1/chat/completions', 'body': body}

    def call(client):
        file = client.files.create(file=('in.jsonl', json.dumps(line).encode()), purpose='batch')
        made = client.batches.create(
            input_file_id=file.id, endpoint='/v1/chat/completions', completion_window='24h')
        return {
            'file': file.id,
            'batch': client.batches.retrieve(made.id).id,
            'files': [one.id for one in client.files.list()],
            'content': client.files.content(file.id).text,
        }

    return once(options, call)


async def many(options):
    wire, started = Wire(), time.monotonic()

    async def one(client):
        answer = Answer()
        try:
            made = await client.chat.completions.create(**asked(options))
            if options.stream:
                async for message in made:
                    answer.take(message)
            else:
                answer.take(made)
        except Exception as error:
            return failed(error) | answer.told()
        return {'ok': True} | answer.told()

    async with wire.async_client(**timeout(options)) as client:
        answers = await asyncio.gather(*(one(client) for _ in range(options.count)))
    errors = Counter(f"{answer['error']} {answer['code']}" for answer in answers if not answer['ok'])
    used = [answer['usage'] or {} for answer in answers if answer['ok']]
    return {
        'ok': not errors,
        'count': len(answers),
        'answered': len(used),
        'errors': errors,
        'tokens': sum(one.get('total_tokens', 0) for one in used),
        'requests': wire.requests,
        'seconds': round(time.monotonic() - started, 3),
    }


def timeout(options):
    return {} if options.timeout is None else {'timeout': options.timeout}


def parser():
    made = argparse.ArgumentParser(prog='openai_calls.py')
    calls = made.add_subparsers(dest='call', required=True)
    of = {name: calls.add_parser(name) for name in ['chat', 'models', 'many', 'image', 'edit', 'speak', 'transcribe', 'batch']}
    for one in ['image', 'edit', 'speak', 'transcribe', 'batch']:
        of[one].add_argument('model')
    of['image'].add_argument('--size')
    of['image'].add_argument('--quality')
    of['image'].add_argument('--n', type=int)
    of['many'].add_argument('count', type=int)
    for one in of['chat'], of['many']:
        one.add_argument('model')
        one.add_argument('--stream', action='store_true')
        one.add_argument('--max-tokens', type=int)
        one.add_argument('--n', type=int)
        one.add_argument('--prompt', default='Say hello.')
    for one in of.values():
        one.add_argument('--timeout', type=float)
    return made


def calls(arguments):
    """The arguments of each call."""
    split = [[]]
    for argument in arguments:
        if argument == 'then':
            split.append([])
        else:
            split[-1].append(argument)
    return [parser().parse_args(one) for one in split]


if __name__ == '__main__':
    for options in calls(sys.argv[1:]):
        plain = {
            'chat': chat, 'models': models, 'image': image, 'edit': edit, 'speak': speak, 'transcribe': transcribe, 'batch': batch}
        told = asyncio.run(many(options)) if options.call == 'many' else plain[options.call](options)
        print(json.dumps({'call': options.call} | told), flush=True)
