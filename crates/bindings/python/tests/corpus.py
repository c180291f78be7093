"""Every case of the corpus: the same code at the same link as natively, and the same words. `python corpus.py CORPUS.json`"""

import base64
import json
import sys

import legation
from legation import Presentation, Verifier, Vouched

CARD = ("decision", "code", "form", "did", "keyId", "algorithm")


def shown(given):
    if "vouched" in given:
        return Vouched(given["chain"], given["vouched"]["agent"], given["vouched"]["knownBy"])
    return Presentation(base64.b64decode(given["presentation"]), given["nonce"])


def main(path):
    with open(path, encoding="utf-8") as file:
        corpus = json.load(file)
    steps, deviations = 0, []

    def differs(name, expected, found):
        if expected != found:
            deviations.append(f"{name}: expected {expected!r}, found {found!r}")

    for vector in corpus["vectors"]:
        verifier = Verifier(vector["trust"], evidence=vector["evidence"], ledger=vector["ledger"], fetch=None)
        for index, step in enumerate(vector["steps"]):
            steps += 1
            verdict = verifier.decide(shown(step["shown"]), step["request"], now=step["now"])
            for member, expected in step["expect"].items():
                differs(f"{vector['name']}, step {index}, {member}", expected, verdict.get(member))
    for card in corpus["cards"]:
        steps += 1
        found = legation.verify_card(card["card"], jwks=card["jwks"], now=card["now"])
        for member in CARD:
            differs(f"card {card['name']}, {member}", card["expect"][member], found[member])
    for proof in corpus["proofs"]:
        steps += 1
        try:
            found = legation.verify_entry(proof["proof"], proof["document"])
        except legation.LegationError as error:
            found = {"code": error.code}
        for member, expected in proof["expect"].items():
            differs(f"proof {proof['name']}, {member}", expected, found.get(member))
    for one in deviations:
        print(one, file=sys.stderr)
    print(f"{steps} steps, {len(deviations)} deviations")
    return bool(deviations)


sys.exit(main(sys.argv[1]))
