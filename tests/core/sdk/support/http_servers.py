"""Servers of their own for the tests of the HTTP client: what they answer, their names and their certificates."""

import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Server:
    """Listens on loopback; ``answer(connection)`` is called for each request and returns the bytes to send, or none to hang up."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls = answer, tls
        self.hits, self.requests = 0, []
        self.hung_up = threading.Event()
        self.current = threading.local()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        with suppress(OSError):  # the listener is shut down
            while True:
                connection, _ = self.listener.accept()
                self.hits += 1
                self.threads.append(threading.Thread(target=self.serve, args=(connection,)))
                self.threads[-1].start()

    def serve(self, connection):
        connection.settimeout(5)
        with suppress(OSError), connection:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                while request := self.read(connection):
                    self.requests.append(request)
                    self.current.request = request
                    sent = self.answer(connection)
                    if sent is None:
                        break
                    connection.sendall(sent)
        self.hung_up.set()

    def read(self, connection):
        request = b""
        while b"\r\n\r\n" not in request:
            if not (part := connection.recv(65536)):
                return b""
            request += part
        head, _, body = request.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.listener.close()


def reply(body=b"", status="200 OK", **headers):
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def drip(head=b"", byte=b"x"):
    """Send the head at once and then a byte every 20 ms, until the client has had enough, for half a minute at most."""

    def answer(connection):
        connection.sendall(head)
        for _ in range(1500):
            connection.sendall(byte)
            time.sleep(0.02)  # the fault itself

    return answer


def names(monkeypatch, known):
    """Let the resolver know these names (a list is given out one by one); return the list of names it was asked for."""
    real, asked = socket.getaddrinfo, []

    def look_up(host, port, *args, **options):
        if host not in known:
            return real(host, port, *args, **{**options, "flags": socket.AI_NUMERICHOST})
        asked.append(host)
        address = known[host].pop(0) if isinstance(known[host], list) else known[host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


class Authority:
    """Signs certificates for servers of tests."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
        certificate = self.build(self.name, self.key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.file = str(folder / "authority.pem")
        self.write(self.file, certificate.sign(self.key, hashes.SHA256()))

    def build(self, subject, key, *, until=timedelta(days=1)):
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + until)
        )

    def server(self, host, *, expired=False):
        key = ec.generate_private_key(ec.SECP256R1())
        with suppress(ValueError):
            host = ip_address(host)
        name = x509.SubjectAlternativeName([x509.DNSName(host) if isinstance(host, str) else x509.IPAddress(host)])
        until = timedelta(days=-1) if expired else timedelta(days=1)
        certificate = self.build(x509.Name([]), key, until=until).add_extension(name, critical=True).sign(self.key, hashes.SHA256())
        file = str(self.folder / f"{certificate.serial_number}.pem")
        self.write(file, certificate, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def write(self, file, certificate, key=None):
        text = certificate.public_bytes(serialization.Encoding.PEM)
        if key:
            text += key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        Path(file).write_bytes(text)
