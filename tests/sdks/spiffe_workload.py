"""The Workload API as the SPIFFE client for Python asks it. One argument, a request as JSON: `socket`, `audience`, `other`; one line, what came of it as
JSON."""

import json
import sys

from spiffe import JwtBundleSet, JwtSvid, SpiffeId, WorkloadApiClient


def refused(call) -> str:
    try:
        call()
    except Exception as error:  # whatever the client makes of it
        return str(error)
    return ""


def run(asked: dict) -> dict:
    client = WorkloadApiClient(f"unix://{asked['socket']}")
    audience = asked["audience"]
    svid = client.fetch_jwt_svid(audience={audience})
    bundles: JwtBundleSet = client.fetch_jwt_bundles()
    bundle = bundles.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
    # By the bundle that came, and by the server.
    own = JwtSvid.parse_and_validate(svid.token, bundle, {audience})
    valid = client.validate_jwt_svid(svid.token, audience)
    return {
        "id": str(own.spiffe_id),
        "same": valid.spiffe_id == svid.spiffe_id,
        "token": svid.token,
        "other": refused(lambda: client.validate_jwt_svid(svid.token, asked["other"])),
        "denied": refused(lambda: client.fetch_jwt_svid(audience={asked["other"]})),
        "several": refused(lambda: client.fetch_jwt_svid(audience={audience, asked["other"]})),
        "boss": refused(lambda: client.fetch_jwt_svid(audience={audience}, subject=SpiffeId("spiffe://acme.example/boss"))),
        "x509": refused(client.fetch_x509_svid),
    }


print(json.dumps(run(json.loads(sys.argv[1]))))
