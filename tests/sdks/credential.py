"""Credentials by PyLD and pyca/cryptography, written after the specification: one argument, a request as JSON; one line,
the answer as JSON. {"tool", "verb": "issue"} gives {"document"}; "verify" with a "document" {"verified", "reason"}.
The contexts are in the folder that the request names.
"""

import hashlib
import json
import pathlib
import sys

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pyld import jsonld

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
CONTEXTS = {
    "https://www.w3.org/ns/credentials/v2": "credentials-v2.json",
    "https://www.w3.org/ns/credentials/examples/v2": "credentials-examples-v2.json",
    "https://w3id.org/security/data-integrity/v2": "data-integrity-v2.json",
}


def base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def unbase58(text: str) -> bytes:
    number = 0
    for one in text:
        number = number * 58 + ALPHABET.index(one)
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def canonical(suite: str, document: dict, folder: pathlib.Path) -> bytes:
    if suite == "eddsa-jcs-2022":
        return rfc8785.dumps(document)

    def load(url, _options):
        text = (folder / CONTEXTS[url]).read_text()
        return {"contextUrl": None, "documentUrl": url, "document": json.loads(text), "contentType": "application/ld+json"}

    options = {"algorithm": "URDNA2015", "format": "application/n-quads", "documentLoader": load}
    return jsonld.normalize(document, options).encode()


def hashes(suite: str, document: dict, proof: dict, folder: pathlib.Path) -> bytes:
    configuration = {name: value for name, value in proof.items() if name != "proofValue"}
    bare = {name: value for name, value in document.items() if name != "proof"}
    if suite != "eddsa-jcs-2022":
        configuration["@context"] = document["@context"]
    parts = [configuration, bare]
    return b"".join(hashlib.sha256(canonical(suite, part, folder)).digest() for part in parts)


def issue(suite: str, folder: pathlib.Path) -> dict:
    secret = Ed25519PrivateKey.generate()
    raw = secret.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    key = "z" + base58(b"\xed\x01" + raw)
    document = {
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "type": ["VerifiableCredential"],
        "issuer": f"did:key:{key}",
        "credentialSubject": {"id": "did:example:b", "alumniOf": "Schule für Größe", "degrees": [1.5, 2, 1e21]},
    }
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": suite,
        "created": "2026-01-01T00:00:00Z",
        "verificationMethod": f"did:key:{key}#{key}",
        "proofPurpose": "assertionMethod",
    }
    if suite == "eddsa-jcs-2022":
        proof["@context"] = document["@context"]
    proof["proofValue"] = "z" + base58(secret.sign(hashes(suite, document, proof, folder)))
    return {**document, "proof": proof}


def verify(suite: str, document: dict, folder: pathlib.Path) -> dict:
    proof = document["proof"]
    key = unbase58(proof["verificationMethod"].split("#")[1][1:])
    if proof["cryptosuite"] != suite or key[:2] != b"\xed\x01":
        return {"verified": False, "reason": "another kind of proof"}
    try:
        public = Ed25519PublicKey.from_public_bytes(key[2:])
        public.verify(unbase58(proof["proofValue"][1:]), hashes(suite, document, proof, folder))
        return {"verified": True, "reason": ""}
    except InvalidSignature:
        return {"verified": False, "reason": "the signature does not fit"}


request = json.loads(sys.argv[1])
place = pathlib.Path(request["contexts"])
if request["verb"] == "issue":
    print(json.dumps({"document": issue(request["tool"], place)}))
else:
    print(json.dumps(verify(request["tool"], request["document"], place)))
