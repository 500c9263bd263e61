"""Key pairs: fingerprints as AWS's and ssh-keygen's, private halves that work, names once."""

import base64
import hashlib
import hmac
import math
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.cloud.ec2.asking import refusal, refused

OPENSSH = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)


def pair_of(client: Any, name: str) -> dict[str, Any]:
    answer = client.describe_key_pairs(KeyNames=[name], IncludePublicKey=True)
    return answer["KeyPairs"][0]


def ssh_keygen(tmp_path: Path, material: str, *options: str) -> str:
    """What ssh-keygen says of a private key."""
    path = tmp_path / "key"
    path.write_text(material)
    path.chmod(0o600)
    command = ["ssh-keygen", *options, "-f", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_the_private_half_fits_the_public_one(alice: Any, tmp_path: Path, kind: str) -> None:
    made = alice.create_key_pair(KeyName="k", KeyType=kind)
    public = ssh_keygen(tmp_path, made["KeyMaterial"], "-y").split()[:2]
    shown = pair_of(alice, "k")
    assert shown["PublicKey"].split() == [*public, "k"]
    assert shown["KeyType"] == kind
    assert shown["KeyFingerprint"] == made["KeyFingerprint"]


def test_the_fingerprint_of_a_made_rsa_key_is_of_its_private_half(alice: Any) -> None:
    made = alice.create_key_pair(KeyName="k")
    assert made["KeyMaterial"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    private = serialization.load_pem_private_key(made["KeyMaterial"].encode(), None)
    der = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert made["KeyFingerprint"] == hashlib.sha1(der).digest().hex(":")


def test_the_fingerprint_of_an_ed25519_key_is_openssh_s(alice: Any, tmp_path: Path) -> None:
    made = alice.create_key_pair(KeyName="k", KeyType="ed25519")
    said = ssh_keygen(tmp_path, made["KeyMaterial"], "-l").split()[1]
    assert said == "SHA256:" + made["KeyFingerprint"].rstrip("=")


def test_the_fingerprint_of_an_imported_rsa_key_is_of_its_public_half(alice: Any) -> None:
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    line = public.public_bytes(*OPENSSH)
    made = alice.import_key_pair(KeyName="k", PublicKeyMaterial=line + b" me@home")
    assert made["KeyFingerprint"] == hashlib.md5(der).digest().hex(":")
    assert pair_of(alice, "k")["PublicKey"].encode() == line + b" k"


def test_three_forms_of_one_public_key_are_the_same_key(alice: Any) -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    line = public.public_bytes(*OPENSSH)
    body = line.split()[1]
    rfc4716 = (
        b"---- BEGIN SSH2 PUBLIC KEY ----\nComment: mine\n"
        + body
        + b"\n---- END SSH2 PUBLIC KEY ----\n"
    )
    der = base64.b64encode(
        public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    found = {
        alice.import_key_pair(KeyName=name, PublicKeyMaterial=material)["KeyFingerprint"]
        for name, material in (("line", line), ("block", rfc4716), ("der", der))
    }
    assert len(found) == 1


@pytest.mark.parametrize("what", ["nonsense", "empty", "ecdsa", "short", "private"])
def test_what_is_no_usable_key_is_refused(alice: Any, what: str) -> None:
    material = {
        "nonsense": b"ssh-rsa AAAA",
        "empty": b" ",
        "ecdsa": ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*OPENSSH),
        "short": rsa.generate_private_key(public_exponent=65537, key_size=1536)
        .public_key()
        .public_bytes(*OPENSSH),
        "private": b"-----BEGIN RSA PRIVATE KEY-----",
    }[what]
    ask = alice.import_key_pair
    assert refusal(ask, KeyName="k", PublicKeyMaterial=material) == "InvalidKey.Format"


def test_a_name_is_given_once_per_account(alice: Any, bob: Any) -> None:
    alice.create_key_pair(KeyName="k", KeyType="ed25519")
    assert refused(alice.create_key_pair, KeyName="k", KeyType="ed25519") == (
        "InvalidKeyPair.Duplicate",
        "The keypair 'k' already exists.",
    )
    bob.create_key_pair(KeyName="k", KeyType="ed25519")


@pytest.mark.parametrize("name", ["", "ä", "x" * 256])
def test_names_that_cannot_be(alice: Any, name: str) -> None:
    code = refusal(alice.create_key_pair, KeyName=name, KeyType="ed25519")
    assert code == "InvalidParameterValue"


def fields(blob: bytes) -> list[bytes]:
    """The strings that an SSH blob is made of."""
    found: list[bytes] = []
    while blob:
        end = 4 + int.from_bytes(blob[:4], "big")
        found.append(blob[4:end])
        blob = blob[end:]
    return found


def ppk_blobs(text: str) -> list[bytes]:
    """The public and the private blob of a .ppk file."""
    lines = text.splitlines()
    blobs: list[bytes] = []
    for at, line in enumerate(lines):
        name, _, value = line.partition(": ")
        if name.endswith("-Lines"):
            blobs.append(base64.b64decode("".join(lines[at + 1 : at + 1 + int(value)])))
    return blobs


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_putty_gets_its_own_format(alice: Any, kind: str) -> None:
    made = alice.create_key_pair(KeyName="k", KeyType=kind, KeyFormat="ppk")
    algorithm = {"rsa": "ssh-rsa", "ed25519": "ssh-ed25519"}[kind]
    lines = made["KeyMaterial"].splitlines()
    assert lines[:3] == [f"PuTTY-User-Key-File-2: {algorithm}", "Encryption: none", "Comment: k"]
    public, private = ppk_blobs(made["KeyMaterial"])
    assert base64.b64encode(public).decode() == pair_of(alice, "k")["PublicKey"].split()[1]
    if kind == "rsa":
        d, p, q, iqmp = (int.from_bytes(field, "big") for field in fields(private))
        e, n = (int.from_bytes(field, "big") for field in fields(public)[1:])
        assert p * q == n
        assert e * d % math.lcm(p - 1, q - 1) == 1
        assert iqmp * q % p == 1
    else:
        (seed,) = fields(private)
        half = ed25519.Ed25519PrivateKey.from_private_bytes(seed.ljust(32, b"\0")).public_key()
        assert half.public_bytes_raw() == fields(public)[1]
    parts = (algorithm.encode(), b"none", b"k", public, private)
    signed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    key = hashlib.sha1(b"putty-private-key-file-mac-key").digest()
    assert lines[-1] == f"Private-MAC: {hmac.digest(key, signed, 'sha1').hex()}"


def test_deletion_is_idempotent_and_frees_the_name(alice: Any) -> None:
    made = alice.create_key_pair(KeyName="k", KeyType="ed25519")
    assert alice.delete_key_pair(KeyName="k")["KeyPairId"] == made["KeyPairId"]
    alice.delete_key_pair(KeyName="k")
    again = alice.create_key_pair(KeyName="k", KeyType="ed25519")
    alice.delete_key_pair(KeyPairId=again["KeyPairId"])
    alice.delete_key_pair(KeyPairId=again["KeyPairId"])
    assert alice.describe_key_pairs()["KeyPairs"] == []
    assert refusal(alice.delete_key_pair) == "MissingParameter"


def test_key_pairs_of_others_are_not_there(alice: Any, bob: Any) -> None:
    id = alice.create_key_pair(KeyName="k", KeyType="ed25519")["KeyPairId"]
    assert refusal(bob.describe_key_pairs, KeyNames=["k"]) == "InvalidKeyPair.NotFound"
    assert refusal(bob.describe_key_pairs, KeyPairIds=[id]) == "InvalidKeyPair.NotFound"
    assert bob.describe_key_pairs()["KeyPairs"] == []
    bob.delete_key_pair(KeyName="k")
    bob.delete_key_pair(KeyPairId=id)
    assert pair_of(alice, "k")["KeyPairId"] == id


def test_key_pairs_are_found_by_filters_and_tags(alice: Any) -> None:
    for name in ("one", "other", "third"):
        tag = [{"ResourceType": "key-pair", "Tags": [{"Key": "of", "Value": name}]}]
        alice.create_key_pair(KeyName=name, KeyType="ed25519", TagSpecifications=tag)

    def found(name: str, *values: str) -> list[str]:
        wanted = [{"Name": name, "Values": list(values)}]
        return [it["KeyName"] for it in alice.describe_key_pairs(Filters=wanted)["KeyPairs"]]

    assert found("key-name", "o*") == ["one", "other"]
    assert found("tag:of", "th?rd", "one") == ["one", "third"]
    assert found("tag-key", "of") == ["one", "other", "third"]
    assert "PublicKey" not in alice.describe_key_pairs()["KeyPairs"][0]
