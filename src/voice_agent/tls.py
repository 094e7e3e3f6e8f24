"""HTTPS: the operator's certificate, or one that is made here and signed by itself."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from voice_agent import private_files
from voice_agent.config import Settings
from voice_agent.core.errors import SettingsError

SELF_SIGNED = "self-signed"
SELF_SIGNED_FILE = "self-signed.pem"
LIFETIME = timedelta(days=825)
"""The longest that Apple accepts of a certificate its user trusts himself (HT210176)."""
RENEW_BEFORE = timedelta(days=365)
"""Replaced at a start when it would last shorter than this: a server may then run for a year."""
ALWAYS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class TlsFiles:
    """What the server encrypts with: PEM files that were checked to fit each other."""

    certificate: Path
    key: Path
    """The same file where it holds both."""
    not_after: datetime
    names: frozenset[str]


def tls_files(settings: Settings, own_addresses: Sequence[str], now: datetime) -> TlsFiles | None:
    """Return the files to serve HTTPS with, None where `settings` ask for none.

    Args:
        settings: What the operator chose.
        own_addresses: This machine's, which a self-signed certificate must cover.
        now: The time, with its zone.

    Raises:
        SettingsError: A file is missing, is none of those, does not fit or has expired.
    """
    if settings.tls is None:
        return None
    names = {settings.host, *own_addresses}
    if settings.public_url:
        names.add(urlsplit(settings.public_url).hostname or "")
    return prepare_tls(settings.tls, settings.data_dir, sorted(names - {""}), now)


def prepare_tls(choice: str, data_dir: Path, names: Sequence[str], now: datetime) -> TlsFiles:
    """Return the files to serve HTTPS with.

    Args:
        choice: `self-signed`, or `certificate.pem[,key.pem]`.
        data_dir: Where the self-signed certificate is kept.
        names: Host names and addresses that a self-signed certificate must cover, beside
            localhost. It is made again when they are not covered or its end is near.
        now: The time, with its zone.

    Raises:
        SettingsError: A file is missing, is none of those, does not fit or has expired.
    """
    if choice != SELF_SIGNED:
        return read_tls(choice, now)
    path = data_dir / SELF_SIGNED_FILE
    wanted = frozenset(map(_plain_name, (*ALWAYS, *names)))
    try:
        found = read_tls(str(path), now)
    except SettingsError:
        found = None
    if found is None or found.not_after - now < RENEW_BEFORE or not wanted <= found.names:
        private_files.replace(path, make_certificate(sorted(wanted), now))
        found = read_tls(str(path), now)
    return found


def read_tls(choice: str, now: datetime) -> TlsFiles:
    """Return the files that `certificate.pem[,key.pem]` names.

    Raises:
        SettingsError: A file is missing, is none of those, does not fit or has expired.
    """
    parts = [Path(part.strip()).expanduser() for part in choice.split(",")]
    if len(parts) > 2 or not choice.strip():
        raise SettingsError(_fault(choice, "is neither 'self-signed' nor cert.pem[,key.pem]"))
    certificate, key = parts[0], parts[-1]
    content = b""
    for path in (key, certificate):
        try:
            content = path.read_bytes()
        except OSError as error:
            fault = f"cannot be read ({error.strerror or error}); name a PEM file or 'self-signed'"
            raise SettingsError(_fault(path, fault)) from error
    try:
        leaf = x509.load_pem_x509_certificates(content)[0]
        names = _names_of(leaf)
    except (ValueError, IndexError) as error:
        raise SettingsError(_fault(certificate, "holds no PEM certificate")) from error
    if leaf.not_valid_after_utc <= now:
        fault = f"expired on {leaf.not_valid_after_utc:%Y-%m-%d}; renew it"
        raise SettingsError(_fault(certificate, fault))
    _check_key(certificate, key)
    return TlsFiles(certificate, key, leaf.not_valid_after_utc, names)


def make_certificate(names: Sequence[str], now: datetime) -> bytes:
    """Return a new private key and a certificate for `names` that it signs, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Voice Agent Backend")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(list(map(_general_name, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def _plain_name(name: str) -> str:
    """Return `name` as it stands in a certificate.

    Raises:
        SettingsError: It cannot stand there.
    """
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    try:
        return name.lower().encode("idna").decode()
    except UnicodeError as error:
        raise SettingsError(_fault(SELF_SIGNED, f"cannot be made for '{name}'")) from error


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_of(certificate: x509.Certificate) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = found.get_values_for_type(x509.IPAddress)
    return frozenset((*found.get_values_for_type(x509.DNSName), *map(str, addresses)))


class _PasswordAskedError(Exception):
    """The key is encrypted."""


def _check_key(certificate: Path, key: Path) -> None:
    def refuse() -> str:
        raise _PasswordAskedError

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, refuse)
    except _PasswordAskedError:
        raise SettingsError(
            _fault(key, "is encrypted; give the key without password, readable by its owner only")
        ) from None
    except ssl.SSLError as error:
        fault = "holds no private key that fits the certificate; name both: cert.pem,key.pem"
        raise SettingsError(_fault(key, fault)) from error


def _fault(what: object, fault: str) -> str:
    return f"VOICE_AGENT_TLS: '{what}' {fault}"
