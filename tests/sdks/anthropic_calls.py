"""Calls of a model interface by the official Anthropic SDK, as it is, with its own retries.

    anthropic_calls.py CALL [then CALL]…

with `ANTHROPIC_BASE_URL` and `ANTHROPIC_API_KEY` in the environment. A call is one of

    chat MODEL [--stream] [--max-tokens N] [--prompt TEXT] [--user TEXT]
    count MODEL [--prompt TEXT]

Each prints a line of JSON, as `openai_calls.py` does.
"""

import argparse
import json
import sys

import anthropic


def client(seen):
    class Transport(anthropic.DefaultHttpxClient):
        """What the SDK sends and gets, counted below it."""

        def send(self, request, **options):
            seen['requests'] += 1
            response = super().send(request, **options)
            seen['status'] = response.status_code
            return response

    return anthropic.Anthropic(http_client=Transport())


def failed(error):
    body = getattr(error, 'body', None)
    inner = (body.get('error') or {}) if isinstance(body, dict) else {}
    told = {'ok': False, 'error': type(error).__name__, 'message': str(error)}
    return told | {'code': inner.get('code'), 'type': inner.get('type')}


def asked(options):
    made = {'model': options.model, 'messages': [{'role': 'user', 'content': options.prompt}]}
    if options.call == 'chat':
        made['max_tokens'] = options.max_tokens
        if options.user:
            made['metadata'] = {'user_id': options.user}
    return made


def run(options, seen):
    with client(seen) as made:
        if options.call == 'count':
            return {'tokens': made.messages.count_tokens(**asked(options)).input_tokens}
        if options.stream:
            seen['text'] = ''
            with made.messages.stream(**asked(options)) as stream:
                for text in stream.text_stream:
                    seen['text'] += text
                message = stream.get_final_message()
        else:
            message = made.messages.create(**asked(options))
        text = ''.join(block.text for block in message.content if block.type == 'text')
        return {'text': text, 'finish': message.stop_reason, 'usage': message.usage.model_dump()}


def parser():
    made = argparse.ArgumentParser(prog='anthropic_calls.py')
    calls = made.add_subparsers(dest='call', required=True)
    for name in ['chat', 'count']:
        one = calls.add_parser(name)
        one.add_argument('model')
        one.add_argument('--prompt', default='Say hello.')
        one.add_argument('--stream', action='store_true')
        one.add_argument('--max-tokens', type=int, default=100)
        one.add_argument('--user')
    return made


def calls(arguments):
    split = [[]]
    for argument in arguments:
        if argument == 'then':
            split.append([])
        else:
            split[-1].append(argument)
    return [parser().parse_args(one) for one in split]


if __name__ == '__main__':
    for options in calls(sys.argv[1:]):
        seen = {'requests': 0, 'status': None}
        try:
            told = {'ok': True} | run(options, seen)
        except Exception as error:  # whatever it is, is told
            told = failed(error)
        print(json.dumps({'call': options.call} | seen | told), flush=True)
