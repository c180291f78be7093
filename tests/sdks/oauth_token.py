"""Identity tokens by Authlib, as a client, and by PyJWT, as a service: one that finds the keys of an issuer as cloud providers do, from
its OpenID configuration. One argument, a request as JSON, as `oauth_token.mjs` has it; one line, the answer as JSON."""

import json
import sys
import urllib.request

import jwt
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from joserfc.jwk import ECKey, OKPKey


def fetch(url: str) -> dict:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def verify(token: str, issuer: str, audience: str, algorithm: str) -> dict:
    # Nothing of the token says where its keys are: the issuer is the one that is trusted.
    configuration = fetch(f"{issuer}/.well-known/openid-configuration")
    assert configuration["issuer"] == issuer
    assert algorithm in configuration["id_token_signing_alg_values_supported"]
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    key = jwt.PyJWKClient(configuration["jwks_uri"]).get_signing_key_from_jwt(token)
    required = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]
    return jwt.decode(
        token, key, algorithms=[algorithm], issuer=issuer, audience=audience, options={"require": required}
    )


def run(request: dict) -> dict:
    issuer = request["issuer"]
    metadata = AuthorizationServerMetadata(fetch(get_well_known_url(issuer, external=True)))
    endpoint = metadata["token_endpoint"]
    curve = request["key"]["kty"] == "EC"
    key = (ECKey if curve else OKPKey).import_key(request["key"])
    method = PrivateKeyJWT(metadata["issuer"], headers={"kid": request["kid"]}, alg="ES256" if curve else "EdDSA")
    session = OAuth2Session(request["agent"], key, token_endpoint_auth_method=method)
    told = session.fetch_token(
        endpoint,
        grant_type="client_credentials",
        resource=request["audience"],
        token_signing_alg=request["alg"],
    )
    claims = verify(told["access_token"], issuer, request["audience"], request["alg"])
    refused = []
    for audience, algorithm in [("https://other.example", request["alg"]), (request["audience"], "HS256")]:
        try:
            verify(told["access_token"], issuer, audience, algorithm)
            refused.append(None)
        except (jwt.PyJWTError, AssertionError) as error:
            refused.append(type(error).__name__)
    token = told["access_token"]
    told = {"payload": claims, "kind": told["token_type"], "expires_in": told["expires_in"], "refused": refused}
    if "service" in request:
        told["asked"] = ask_about(metadata, session, request["service"], token)
    return told


def ask_about(metadata: dict, session: OAuth2Session, service: dict, token: str) -> dict:
    """A service asks whether the token holds, the agent asks and revokes it twice, and the service asks again."""
    curve = service["key"]["kty"] == "EC"
    key = (ECKey if curve else OKPKey).import_key(service["key"])
    method = PrivateKeyJWT(metadata["issuer"], headers={"kid": service["kid"]}, alg="ES256" if curve else "EdDSA")
    asks = OAuth2Session(service["agent"], key, token_endpoint_auth_method=method, revocation_endpoint_auth_method=method)
    session.revocation_endpoint_auth_method = session.token_endpoint_auth_method

    def introspect(by: OAuth2Session) -> dict:
        answer = by.introspect_token(metadata["introspection_endpoint"], token=token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    before, stranger = introspect(asks), introspect(session)
    for _ in range(2):
        answer = session.revoke_token(metadata["revocation_endpoint"], token=token)
        assert answer.status_code == 200, answer.text
    return {"before": before, "stranger": stranger, "after": introspect(asks)}


try:
    print(json.dumps(run(json.loads(sys.argv[1]))))
except OAuthError as error:
    print(json.dumps({"reason": error.error, "why": error.description}))
