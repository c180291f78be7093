"""Security event tokens by PyJWT, as `set.mjs` has them: one argument, a request as JSON; one line, the answer as JSON."""

import json
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

TYPE = "secevent+jwt"


def verify(request: dict) -> dict:
    try:
        header = jwt.get_unverified_header(request["set"])
        if header["typ"] != TYPE:
            return {"reason": "typ"}
        key = jwt.PyJWKSet.from_dict(request["jwks"])[header["kid"]]
        claims = jwt.decode(
            request["set"], key, algorithms=["RS256"], issuer=request["issuer"], audience=request["audience"]
        )
        return {"claims": claims}
    except (jwt.PyJWTError, KeyError) as error:
        return {"reason": type(error).__name__}


def sign(request: dict) -> dict:
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    jwk |= {"kid": "k", "alg": "RS256", "use": "sig"}
    signed = jwt.encode(request["claims"], key, algorithm="RS256", headers={"typ": TYPE, "kid": "k"})
    return {"set": signed, "jwks": {"keys": [jwk]}}


request = json.loads(sys.argv[1])
print(json.dumps(sign(request) if request["verb"] == "sign" else verify(request)))
