"""Metadata of a provider of SAML, as one would hand it over."""

import base64
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ENDS_AT = datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC)


def certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "saml tests")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ENDS_AT - datetime.timedelta(days=9000))
        .not_valid_after(ENDS_AT)
        .sign(key, hashes.SHA256())
    )
    return base64.encodebytes(made.public_bytes(serialization.Encoding.DER)).decode()


METADATA = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- {"as long as AWS wants it at least " * 20} -->
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"
    xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://id.example.org/saml">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data>
      <ds:X509Certificate>{certificate()}</ds:X509Certificate>
    </ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
        Location="https://id.example.org/saml/login"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>
"""
