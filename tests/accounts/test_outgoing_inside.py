"""Whoever sets up a webhook gets no hand inside: a canary on this machine hears none of these addresses."""

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.webhooks import addresses
from accounts.webhooks.addresses import Unusable, is_public
from accounts.webhooks.post import post
from tests.accounts.receiver import Receiver, receiving

# As a host in an address; a name is what the resolver of the test says, see NAMES.
HOSTS = (
    *("127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "0.0.0.0", "0", "2130706433", "017700000001"),
    *("0x7f000001", "0x7f.1", "0177.0.0.1", "0x7F.0x0.0x0.0x1", "127.0.0.1.", "localhost", "LOCALHOST"),
    *("localhost.", "a.localhost", "printer.local", "db.internal", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
    *("[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::1]", "[fe80::1]", "[fec0::1]", "[fc00::1]"),
    *("[fd00:ec2::254]", "[ff02::1]", "[100::1]", "[2001:db8::1]", "[::ffff:169.254.169.254]"),
    *("169.254.169.254", "0xa9fea9fe", "2852039166", "169.254.170.2", "100.100.100.200", "168.63.129.16"),
    *("192.0.0.192", "192.0.0.8", "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("100.64.0.1", "198.18.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255", "0.1.2.3", "①②⑦.⓪.⓪.①", "127。0。0。1"),
)
NAMES: dict[str, list[str]] = {
    "loopback.example": ["127.0.0.1"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "private.example": ["10.0.0.7"],
    "linked.example": ["fe80::1%lo"],
    # One good address does not wash the other clean, in whatever order they come.
    "mixed.example": ["93.184.216.34", "127.0.0.1"],
    "mixed-six.example": ["2606:2800:220:1:248:1893:25c8:1946", "::1"],
    "mixed-late.example": ["93.184.216.34", "93.184.216.35", "93.184.216.36", "93.184.216.37", "127.0.0.1"],
    "nowhere.example": [],
}


@pytest.fixture
def canary() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def resolver(monkeypatch: Any) -> dict[str, list[str]]:
    """The world's names, for this machine has none; numbers are read as ever."""
    real, names = socket.getaddrinfo, dict(NAMES)

    def asked(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if not name.endswith(".example"):
            return real(host, port, *args, **options)
        if not names.get(name):
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in names[name]]

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    return names


@pytest.fixture
def connections(monkeypatch: Any) -> list[tuple[str, int]]:
    """Where this process connects to; no further than this machine."""
    made: list[tuple[str, int]] = []
    real = socket.create_connection

    def connect(address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        made.append(address)
        if not address[0].startswith("127."):
            raise ConnectionRefusedError
        return real(address, *args, **options)

    monkeypatch.setattr(socket, "create_connection", connect)
    return made


def tried(url: str) -> str:
    """What came of it, which is never an answer."""
    outcome = post(url, b"{}", {})
    assert outcome.status is None
    return outcome.error


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTS)) + len(NAMES) > 60


@pytest.mark.parametrize("host", [*HOSTS, *NAMES])
def test_no_byte_reaches_the_inside(
    host: str, canary: Receiver, connections: list[Any], resolver: Any
) -> None:
    port = canary.url.rpartition(":")[2]
    for url in (f"https://{host}:{port}/", f"https://{host}/", f"https://{host}:22/x?y=z"):
        assert tried(url) in {
            "address inside the network",
            "address not allowed",
            "host not found",
            "no connection",
        }
    assert [to for to in connections if not is_public(to[0])] == []
    assert canary.arrived == []


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.216.34/",
        "ftp://93.184.216.34/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "//93.184.216.34/",
        "https://user@93.184.216.34/",
        "https://user:word@93.184.216.34/",
        "https://93.184.216.34@127.0.0.1/",
        "https:///x",
        "https://",
        "https://x y.example/",
        "https://x.example/\r\nHost: y",
        "https://x.example/\x00",
        "https://x.example:99999/",
        "https://[::1/",
        "javascript:alert(1)",
        "x",
        "",
    ],
)
def test_what_is_no_address_of_a_program_is_refused_at_once(url: str, connections: list[Any]) -> None:
    with pytest.raises(Unusable):
        addresses.parsed(url)
    assert tried(url) == "address not allowed"
    assert connections == []


def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_looked_at(
    resolver: dict[str, list[str]], connections: list[tuple[str, int]], monkeypatch: Any
) -> None:
    answers = iter([["93.184.216.34"], *[["127.0.0.1"]] * 50])
    real = addresses.resolved

    def changing(host: str, port: int) -> list[str]:
        resolver["rebinding.example"] = next(answers)
        return real(host, port)

    monkeypatch.setattr(addresses, "resolved", changing)
    assert tried("https://rebinding.example:8443/") == "no connection"
    assert connections == [("93.184.216.34", 8443)]
    assert tried("https://rebinding.example:8443/") == "address inside the network"
    assert len(connections) == 1


def test_the_certificate_is_asked_for_by_name(
    resolver: dict[str, list[str]], settings: Any, canary: Receiver, monkeypatch: Any
) -> None:
    settings.WEBHOOKS_INSIDE = True
    resolver["named.example"] = ["127.0.0.1"]
    asked: list[Any] = []
    real = ssl.SSLContext.wrap_socket

    def wrap(self: Any, sock: Any, *args: Any, **options: Any) -> Any:
        asked.append(options["server_hostname"])
        return real(self, sock, *args, **options)

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    assert tried(f"https://named.example:{canary.url.rpartition(':')[2]}/") == "certificate or TLS"
    assert asked == ["named.example"]


def test_of_several_addresses_the_next_is_tried(
    resolver: dict[str, list[str]], settings: Any, canary: Receiver, connections: list[Any]
) -> None:
    settings.WEBHOOKS_INSIDE = True
    port = int(canary.url.rpartition(":")[2])
    resolver["two.example"] = ["10.0.0.1", "127.0.0.1"]
    assert post(f"http://two.example:{port}/hook?x=1", b"{}", {}).status == 200
    assert connections == [("10.0.0.1", port), ("127.0.0.1", port)]
    assert canary.arrived[0][0]["host"] == f"two.example:{port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(settings: Any, status: int) -> None:
    settings.WEBHOOKS_INSIDE = True
    with receiving() as canary, receiving(Receiver([status], location=f"{canary.url}/inside")) as program:
        assert post(program.url, b"{}", {}).status == status
        assert canary.arrived == []
        assert len(program.arrived) == 1


def test_no_proxy_of_the_environment_is_asked(settings: Any, monkeypatch: Any) -> None:
    settings.WEBHOOKS_INSIDE = True
    with receiving() as proxy, receiving() as program:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert post(program.url, b"{}", {}).taken
        assert (len(proxy.arrived), len(program.arrived)) == (0, 1)


def test_on_a_machine_of_ones_own_it_works(settings: Any, canary: Receiver) -> None:
    settings.WEBHOOKS_INSIDE = True
    assert post(f"{canary.url}/hook", b"{}", {}).status == 200
    assert len(canary.arrived) == 1


def test_a_peer_that_drips_is_left_after_a_while(settings: Any, monkeypatch: Any) -> None:
    settings.WEBHOOKS_INSIDE = True
    monkeypatch.setattr("accounts.webhooks.post.SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        outcome = post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {})
    assert outcome.error == "no answer in time"
    assert 400 < outcome.milliseconds < 3000


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_the_internet_is_not_the_inside(address: str) -> None:
    assert is_public(address)
