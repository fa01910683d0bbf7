"""A cell on the network: its claim, its inbox, its outputs and its end. The place behind it is a small one without Ray."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from runner import inbox, outbox, remote
from runner.lease import Lease
from runner.runs import RunLog
from runner.service import Service

TOKEN, OTHER = "a" * 40, "b" * 40
CLAIMED = {"Authorization": f"Bearer {TOKEN}"}


class Quick:
    """A place whose runs succeed at once."""

    concurrent = False
    isolation = "test"
    ready = True
    at_rest = True

    async def start(self, log: RunLog) -> None:
        log.finish("succeeded")

    async def stop(self, log: RunLog) -> None:
        log.finish("stopped")


class World:
    """A served cell and a store of files beside it."""

    def __init__(self, folder: Path, session: ClientSession, cell: str, store: str, lease: Lease) -> None:
        self.inbox, self.outbox = folder / "in", folder / "out"
        self.session, self.cell, self.store, self.lease = session, cell, store, lease
        self.asked: list[str] = []

    async def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        async with self.session.request(method, self.cell + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def claim(self, token: str = TOKEN) -> int:
        return (await self.call("POST", "/claim", {"token": token}))[0]

    async def take(self, name: str, path: str, size: int) -> tuple[int, Any]:
        return await self.call("POST", "/inbox", {"name": name, "url": self.store + path, "size": size}, CLAIMED)

    async def result(self, path: str) -> tuple[int, bytes]:
        async with self.session.get(self.cell + path, headers=CLAIMED) as answer:
            return answer.status, await answer.read()


def free_port(host: str) -> int:
    """A port that stays free until it is used: nobody else listens on such an address of loopback."""
    with socket.socket() as s:
        s.bind((host, 0))
        return int(s.getsockname()[1])


@asynccontextmanager
async def world(folder: Path, once: float = 0, place: Any = None) -> AsyncIterator[World]:
    for name in ("in", "out"):
        (folder / name).mkdir()
    port = free_port("127.0.0.2")
    options = argparse.Namespace(listen=f"127.0.0.2:{port}", once=once, inbox=folder / "in", outbox=folder / "out", inbox_http=True)
    lease = await remote.on_network(options, place or Quick(), "2")
    async with ClientSession() as session:
        made = World(folder, session, f"http://127.0.0.2:{port}", "", lease)
        runner = web.AppRunner(store(made))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.store = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
        await runner.cleanup()


def store(made: World) -> web.Application:
    """Files of 10 bytes, and mischief."""

    async def good(request: web.Request) -> web.StreamResponse:
        made.asked.append(request.path)
        return web.Response(body=b"0123456789")

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 1000)

    async def redirect(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/good")

    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.4)
        return web.Response(body=b"0123456789")

    app = web.Application()
    app.add_routes([web.get("/good", good), web.get("/endless", endless), web.get("/redirect", redirect), web.get("/slow", slow)])
    return app


def in_world(check: Callable[[World], Awaitable[None]], folder: Path, **how: Any) -> None:
    async def run() -> None:
        async with world(folder, **how) as made:
            await asyncio.wait_for(check(made), 30)

    asyncio.run(run())


def test_n12_the_first_claim_has_the_cell(tmp_path: Path) -> None:
    async def check(w: World) -> None:
        assert (await w.call("GET", "/health"))[1]["claimed"] is False
        for method, path in (
            ("POST", "/runs"),
            ("GET", "/runs/x"),
            ("POST", "/inbox"),
            ("POST", "/end"),
            ("POST", "/check"),
            ("GET", "/nothing"),
        ):
            assert (await w.call(method, path, {}, CLAIMED))[0] == 401, path
        answers = await asyncio.gather(*(w.claim(c * 40) for c in "abcdefgh"))
        assert sorted(answers) == [200] + [409] * 7
        won = "abcdefgh"[answers.index(200)] * 40
        assert await w.claim(won) == 200
        status, health = await w.call("GET", "/health")
        assert status == 200 and health["claimed"] is True and won not in str(health)
        bearer = {"Authorization": f"Bearer {won}"}
        assert (await w.call("POST", "/runs", {"run_id": "r", "code": "1", "mode": "validate"}, bearer))[0] == 202

    in_world(check, tmp_path)


def test_s3_only_the_lessee_is_heard(tmp_path: Path) -> None:
    async def check(w: World) -> None:
        assert await w.claim() == 200
        wrong = [
            {},
            {"Authorization": f"Bearer {OTHER}"},
            {"Authorization": TOKEN},
            {"Authorization": "Bearer "},
            {"Authorization": "Bearer é" + TOKEN},
        ]
        for headers in wrong:
            for method, path in (
                ("POST", "/runs"),
                ("GET", "/runs/x/events"),
                ("POST", "/inbox"),
                ("GET", "/runs/x/outputs/y"),
                ("POST", "/end"),
            ):
                assert (await w.call(method, path, {}, headers))[0] == 401, (headers, path)
        assert not w.lease.silent() and (await w.call("GET", "/runs/x", headers=CLAIMED))[0] == 404

    in_world(check, tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": "short"},
        {"token": "x" * 31},
        {"token": "x" * 300},
        {"token": 7},
        {"token": "é" * 40},
        [TOKEN],
        {"token": TOKEN, "more": 1},
    ],
)
def test_s3_a_weak_claim_is_refused(tmp_path: Path, body: Any) -> None:
    async def check(w: World) -> None:
        assert (await w.call("POST", "/claim", body))[0] == 400
        assert await w.claim() == 200

    in_world(check, tmp_path)


def test_n12_a_cell_that_starts_cannot_be_claimed(tmp_path: Path) -> None:
    place = Quick()
    place.ready = False

    async def check(w: World) -> None:
        assert await w.claim() == 503
        place.ready = True
        assert await w.claim() == 200

    in_world(check, tmp_path, place=place)


def test_n12_a_file_comes_into_the_inbox_once(tmp_path: Path) -> None:
    async def check(w: World) -> None:
        await w.claim()
        both = await asyncio.gather(w.take("f.csv", "/good", 10), w.take("f.csv", "/good", 10))
        assert [status for status, _ in both] == [200, 200] and w.asked == ["/good"]
        assert await w.take("f.csv", "/good", 10) == (200, {"name": "f.csv", "complete": True}) and w.asked == ["/good"]
        assert (w.inbox / "f.csv").read_bytes() == b"0123456789" and [p.name for p in w.inbox.iterdir()] == ["f.csv"]
        assert (await w.take("f.csv", "/good", 11))[0] == 409

    in_world(check, tmp_path)


def test_n12_a_slow_file_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(w: World) -> None:
        await w.claim()
        answers = [(await w.take("f", "/slow", 10))[0]]
        while answers[-1] == 202 and len(answers) < 50:
            answers.append((await w.take("f", "/slow", 10))[0])
        assert answers[0] == 202 and answers[-1] == 200

    monkeypatch.setattr(inbox.Inbox.__init__, "__kwdefaults__", {"plain_http": False, "limit": inbox.MAX_TOTAL, "wait": 0.05})
    in_world(check, tmp_path)


def test_s3_a_program_changed_a_file_of_the_inbox(tmp_path: Path) -> None:
    async def check(w: World) -> None:
        await w.claim()
        await w.take("f", "/good", 10)
        (w.inbox / "f").unlink()
        (w.inbox / "f").symlink_to(tmp_path / "elsewhere")
        assert (await w.take("f", "/good", 10))[0] == 200
        assert not (w.inbox / "f").is_symlink() and (w.inbox / "f").read_bytes() == b"0123456789" and not (tmp_path / "elsewhere").exists()

    in_world(check, tmp_path)


@pytest.mark.parametrize(
    ("path", "size", "store_says"),
    [("/good", 9, 200), ("/good", 11, 200), ("/endless", 10, 200), ("/redirect", 10, 302), ("/none", 10, 404)],
)
def test_s3_what_is_not_the_file_is_not_kept(tmp_path: Path, path: str, size: int, store_says: int) -> None:
    async def check(w: World) -> None:
        await w.claim()
        status, answer = await w.take("f", path, size)
        assert (status, answer["store"]) == (424, store_says) and list(w.inbox.iterdir()) == []
        assert (await w.take("f", "/good", 10))[0] == 200  # a failure is not for ever

    in_world(check, tmp_path)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc/x", "a\0b", ".hidden", "x" * 300, 7])
def test_s3_names_that_are_paths(tmp_path: Path, name: Any) -> None:
    async def check(w: World) -> None:
        await w.claim()
        assert (await w.take(name, "/good", 10))[0] == 400 and w.asked == []

    in_world(check, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.170.2/v2/credentials",
        "http://10.0.0.1/x",
        "file:///etc/passwd",
        "ftp://a/b",
        "http://localhost@10.0.0.1/",
        "//x/y",
        "https://",
        "https://[",
        "https://u:p@s3/x",
        7,
    ],
)
def test_s3_addresses_that_are_not_asked(tmp_path: Path, url: Any) -> None:
    async def check(w: World) -> None:
        await w.claim()
        assert (await w.call("POST", "/inbox", {"name": "f", "url": url, "size": 1}, CLAIMED))[0] == 400

    in_world(check, tmp_path)


def test_s3_plain_http_needs_its_flag() -> None:
    strict, loose = inbox.Inbox(Path("/tmp")), inbox.Inbox(Path("/tmp"), plain_http=True)
    assert strict._allowed("https://s3.example/x") and not strict._allowed("http://127.0.0.1/x") and loose._allowed("http://127.0.0.1/x")


def test_s3_more_than_fits_is_refused(tmp_path: Path) -> None:
    async def check(w: World) -> None:
        await w.claim()
        assert (await w.take("f", "/good", inbox.MAX_TOTAL + 1))[0] == 413
        assert (await w.take("f", "/good", 1 << 62))[0] == 413

    in_world(check, tmp_path)


def test_n12_outputs_are_given(tmp_path: Path) -> None:
    async def check(w: World) -> None:
        await w.claim()
        (w.outbox / "r1").mkdir()
        big = os.urandom(3_000_000)
        (w.outbox / "r1" / "t 1.parquet").write_bytes(big)
        (w.outbox / "r1" / "empty").write_bytes(b"")
        assert await w.result("/runs/r1/outputs/t%201.parquet") == (200, big)
        assert await w.result("/runs/r1/outputs/empty") == (200, b"")
        assert (await w.result("/runs/r1/outputs/none"))[0] == 404 and (await w.result("/runs/r2/outputs/t"))[0] == 404

    in_world(check, tmp_path)


def test_s3_outputs_lead_nowhere_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not for you")

    async def check(w: World) -> None:
        await w.claim()
        run = w.outbox / "r"
        run.mkdir()
        (run / "link").symlink_to(secret)
        (run / "hard").hardlink_to(secret)
        os.mkfifo(run / "pipe")
        (run / "folder").mkdir()
        (run / "..data").write_text("fine")
        (w.outbox / "linked").symlink_to(tmp_path)
        for path in (
            "r/outputs/link",
            "r/outputs/hard",
            "r/outputs/pipe",
            "r/outputs/folder",
            "linked/outputs/secret",
            "r/outputs/..%2F..%2Fsecret",
            "r/outputs/%2E%2E",
        ):
            status, body = await w.result("/runs/" + path)
            assert status in (403, 404) and b"not for you" not in body, path
        assert await w.result("/runs/r/outputs/..data") == (200, b"fine")
        # The whole outbox is replaced by a program: what was opened at the start stays what is read.
        w.outbox.rename(tmp_path / "moved")
        w.outbox.symlink_to("/etc")
        assert (await w.result("/runs/apt/outputs/sources.list"))[0] == 404
        assert await w.result("/runs/r/outputs/..data") == (200, b"fine")

    in_world(check, tmp_path)


def test_s3_a_result_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    with (tmp_path / "r" / "big").open("wb") as file:
        file.truncate(101)
    with pytest.raises(outbox.RefusedError) as refused:
        outbox.Outbox(tmp_path, limit=100).open("r", "big")
    assert refused.value.status == 413


def test_s3_the_heads_runner_wants_its_token(tmp_path: Path) -> None:
    async def check(w: World) -> None:
        runner, port = web.AppRunner(Service(Quick(), "2", token=TOKEN).app()), free_port("127.0.0.3")
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.3", port).start()
        w.cell = f"http://127.0.0.3:{port}"
        for path in ("/health", "/runs/x", "/nothing"):
            for headers in ({}, {"Authorization": f"Bearer {OTHER}"}, {"Authorization": "Bearer é"}):
                assert (await w.call("GET", path, headers=headers))[0] == 401, (path, headers)
        assert (await w.call("GET", "/health", headers=CLAIMED))[0] == 200
        await runner.cleanup()

    in_world(check, tmp_path)


def test_n12_the_lease_ends_the_cell(tmp_path: Path) -> None:
    async def check(w: World) -> None:
        over = asyncio.create_task(w.lease.over())
        await w.claim()
        assert (await w.call("POST", "/end", {}, CLAIMED))[0] == 200
        assert await over == "its lease was ended"

    in_world(check, tmp_path)


def test_n12_a_silent_lessee_loses_the_cell() -> None:
    clock = [0.0]
    lease = Lease(60, lambda: True, lambda: clock[0])
    clock[0] = 1e6
    assert not lease.silent()  # nobody has it: it waits

    async def check() -> None:
        class Asked:
            async def read(self) -> bytes:
                return b'{"token": "%s"}' % TOKEN.encode()

        await lease._claim(Asked())  # type: ignore[arg-type]
        clock[0] += 59
        assert not lease.silent()
        clock[0] += 2
        assert lease.silent() and await asyncio.wait_for(lease.over(), 5) == "its lessee is silent"

    asyncio.run(check())
