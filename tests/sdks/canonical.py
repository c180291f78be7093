"""The canonical RDF of each document of a file, by PyLD: FOLDER of contexts, FILE. Prints an array of `canonical`, or the
`reason` why not."""

import json
import sys
from pathlib import Path

from pyld import jsonld

FOLDER, FILE = sys.argv[1:]
URLS = {"https://www.w3.org/ns/credentials/v2": "credentials-v2.json"}


def load(url, options):
    document = json.loads((Path(FOLDER) / URLS[url]).read_text(encoding="utf-8"))
    return {"contextUrl": None, "documentUrl": url, "document": document, "contentType": "application/ld+json"}


def canonical(document):
    options = {"algorithm": "URDNA2015", "format": "application/n-quads", "documentLoader": load}
    try:
        return {"canonical": jsonld.normalize(document, options)}
    except Exception as error:  # whatever it says is told
        return {"reason": str(error)}


print(json.dumps([canonical(document) for document in json.loads(Path(FILE).read_text(encoding="utf-8"))]))
