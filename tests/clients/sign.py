"""Signs files with the key of a person who is made up on the spot, in the format of cosign's key pairs.

Usage: sign.py PUBLIC_KEY FILE ...

Writes the public key, and beside each file its signature `FILE.sig`.
"""

import base64
import pathlib
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

public_key, *files = map(pathlib.Path, sys.argv[1:])
key = ec.generate_private_key(ec.SECP256R1())
public_key.write_bytes(
    key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)
for file in files:
    signature = key.sign(file.read_bytes(), ec.ECDSA(hashes.SHA256()))
    file.with_name(file.name + ".sig").write_bytes(base64.b64encode(signature))
