"""Meets a service: `meet.py PORT`, with the agent's file on standard input. Prints what came of it."""

import sys
import urllib.request

from legation import Agent, verify_receipt

port = sys.argv[1]


def there(url):
    # The service answers for `https://shop.example`, on a port of this machine.
    return url.replace("https://shop.example/", f"http://127.0.0.1:{port}/")


def fetch(url):
    with urllib.request.urlopen(there(url)) as answer:
        return answer.read()


def post(url, body):
    with urllib.request.urlopen(urllib.request.Request(there(url), body, method="POST")) as answer:
        return answer.read()


agent = Agent.from_text(sys.stdin.read())
met = agent.meet("shop.example", fetch=fetch, post=post)
theirs = verify_receipt(met["receipt"], fetch("https://shop.example/.well-known/did.json"))
own = verify_receipt(met["own_receipt"], agent.did)
print(f"met {met['did']} ({met['card']['name']}): {theirs['decision']} for {theirs['agent']}, {own['decision']} by {own['verifier']}")
