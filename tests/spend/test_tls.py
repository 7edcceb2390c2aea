"""A shared pool over TLS: a server with a certificate that the client is told to trust, and nobody else's."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogen_budget import PoolUnavailableError, SpendPool

PATIENCE = 20.0  # seconds until the server must answer


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[int]:
    """A server that speaks nothing but TLS, with a certificate it signed itself: `cert.pem` in the test's folder."""
    for program in ("openssl", "redis-server"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on this machine")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", "key.pem", "-out", "cert.pem", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    server = subprocess.Popen(
        [
            *("redis-server", "--bind", "127.0.0.1", "--port", "0", "--tls-port", str(port), "--save", ""),
            *("--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-auth-clients", "no"),
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    yield port
    server.kill()
    server.wait()


def reserve_one(pool: SpendPool) -> bool:
    """Whether the server of a pool answers."""
    try:
        pool.reserve(1, 0, agent="a").release()
    except PoolUnavailableError:
        return False
    return True


def test_a_pool_over_tls(tls_port: int, tmp_path: Path) -> None:
    """With the certificate in the URL it is one pool as over a plain line; without it nothing is said to the server."""
    url = f"rediss://127.0.0.1:{tls_port}/0"
    pool = SpendPool(max_tokens=100, name="harbour", url=f"{url}?ssl_ca_certs={tmp_path / 'cert.pem'}")
    until = time.monotonic() + PATIENCE
    while not reserve_one(pool) and time.monotonic() < until:
        time.sleep(0.02)
    pool.reserve(10, 0, agent="a").settle(7, 0)
    loaded = SpendPool.load_component(pool.dump_component())
    stranger = SpendPool(max_tokens=100, name="harbour", url=url)
    plain = SpendPool(max_tokens=100, name="harbour", url=url.replace("rediss:", "redis:"))
    assert loaded.spent.tokens == 7
    assert not reserve_one(stranger)
    assert not reserve_one(plain)
    for each in (pool, loaded, stranger, plain):
        each.close()
