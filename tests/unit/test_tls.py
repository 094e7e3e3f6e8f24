"""Certificates: made once, renewed in time, refused with a reason."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from voice_agent.core.errors import SettingsError
from voice_agent.tls import (
    LIFETIME,
    RENEW_BEFORE,
    SELF_SIGNED,
    TlsFiles,
    make_certificate,
    prepare_tls,
    read_tls,
)

NOW = datetime.now(UTC).replace(microsecond=0)


def made(directory: Path, *names: str, at: datetime = NOW) -> TlsFiles:
    return prepare_tls(SELF_SIGNED, directory, names, at)


def own(directory: Path, at: datetime = NOW, name: str = "own") -> tuple[Path, Path]:
    """Write a certificate and its key into files of their own."""
    key, mark, certificate = make_certificate(["localhost"], at).partition(b"-----BEGIN CERT")
    paths = directory / f"{name}-cert.pem", directory / f"{name}-key.pem"
    paths[0].write_bytes(mark + certificate)
    paths[1].write_bytes(key)
    return paths


def fault(choice: object, at: datetime = NOW) -> str:
    with pytest.raises(SettingsError, match=r"^VOICE_AGENT_TLS: '") as caught:
        read_tls(str(choice), at)
    return str(caught.value)


def test_it_covers_localhost_and_what_is_asked_for(tmp_path: Path) -> None:
    files = made(tmp_path, "192.0.2.7", "2001:DB8::1", "Voice.example.com", "bücher.example")
    assert files.names == {
        "localhost",
        "127.0.0.1",
        "::1",
        "192.0.2.7",
        "2001:db8::1",
        "voice.example.com",
        "xn--bcher-kva.example",
    }
    assert files.not_after == NOW + LIFETIME


def test_only_the_owner_can_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    files = made(tmp_path / "new" / "data")
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert list(files.key.parent.iterdir()) == [files.key]


def test_it_is_made_once(tmp_path: Path) -> None:
    first = made(tmp_path, "192.0.2.7").certificate.read_bytes()
    assert made(tmp_path, "192.0.2.7").certificate.read_bytes() == first
    assert made(tmp_path).certificate.read_bytes() == first


def test_it_is_renewed_before_its_end(tmp_path: Path) -> None:
    first = made(tmp_path).certificate.read_bytes()
    late = NOW + LIFETIME - RENEW_BEFORE
    assert made(tmp_path, at=late).certificate.read_bytes() == first
    assert made(tmp_path, at=late + timedelta(seconds=1)).not_after > late + RENEW_BEFORE


def test_it_is_made_again_for_a_new_name_or_when_it_is_broken(tmp_path: Path) -> None:
    files = made(tmp_path)
    assert "192.0.2.7" in made(tmp_path, "192.0.2.7").names
    files.certificate.write_text("broken")
    assert made(tmp_path).names >= {"localhost"}


def test_a_name_that_no_certificate_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be made for"):
        made(tmp_path, "x" * 64 + ".example.com")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_client_that_trusts_it_connects(tmp_path: Path, name: str) -> None:
    files = made(tmp_path)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(files.certificate, files.key)
    client_side = ssl.create_default_context(cafile=str(files.certificate))
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT
    near, far = socket.socketpair()

    def answer() -> None:
        with server_side.wrap_socket(far, server_side=True) as encrypted:
            encrypted.sendall(b"hello")

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with client_side.wrap_socket(near, server_hostname=name) as encrypted:
            assert encrypted.recv(5) == b"hello"
    finally:
        near.close()
        thread.join(timeout=5)
    assert not thread.is_alive()


def test_own_files_are_used_as_they_are(tmp_path: Path) -> None:
    certificate, key = own(tmp_path)
    files = prepare_tls(f"{certificate}, {key}", tmp_path / "data", ["192.0.2.7"], NOW)
    assert (files.certificate, files.key) == (certificate, key)
    assert not (tmp_path / "data").exists()


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(make_certificate(["localhost"], NOW))
    assert read_tls(str(both), NOW).key == both


def test_what_is_wrong_with_own_files_is_said(tmp_path: Path) -> None:
    certificate, key = own(tmp_path)
    _, other_key = own(tmp_path, name="other")
    text = tmp_path / "text.pem"
    text.write_text("hello")
    assert "cannot be read (No such file" in fault(tmp_path / "gone.pem")
    assert "cannot be read (Is a directory" in fault(tmp_path)
    assert "holds no PEM certificate" in fault(text)
    assert "holds no private key that fits" in fault(certificate)
    assert "holds no private key that fits" in fault(f"{certificate},{other_key}")
    assert "holds no PEM certificate" in fault(key)
    assert "neither 'self-signed' nor" in fault(f"{certificate},{key},{key}")
    assert "cannot be read" in fault("selfsigned")


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    certificate, key = own(tmp_path)
    assert "expired on" in fault(f"{certificate},{key}", NOW + LIFETIME + timedelta(seconds=1))


def test_an_encrypted_key_is_refused_without_asking(tmp_path: Path) -> None:
    certificate, key = own(tmp_path)
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    assert "is encrypted" in fault(f"{certificate},{key}")
