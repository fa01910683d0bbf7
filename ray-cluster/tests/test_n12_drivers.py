"""The pool of warm drivers, with drivers that are processes of a few lines: they speak the protocol and need no Ray."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from runner import driver as program
from runner.drivers import Driver, Pool, Switchboard, follow, hand_over
from tests.client import remove, short_folder

DRIVER = """
import json, socket, sys
path, key, *words = sys.argv[1:]
sock = socket.socket(socket.AF_UNIX)
sock.connect(path)
def say(message):
    sock.sendall(json.dumps(message).encode() + b"\\n")
say({"hello": key})
for word in words:
    if word == "die":
        sys.exit(3)
    say({word: 1.0} if word == "warm" else {word: {"connect": 0.1}})
run = json.loads(sock.makefile().readline())
if run["code"] == "die":
    sys.exit(3)
say({"began": True})
say({"event": "log", "data": {"text": run["code"]}})
say({"done": "succeeded"})
"""


class World:
    """A pool whose drivers say these words; a list for each driver, the last one for all that follow."""

    def __init__(self, *words: list[str], size: int = 1) -> None:
        self.folder = short_folder()
        self.board = Switchboard(self.folder / "d.sock")
        self.words = list(words)
        self.started: list[Driver] = []
        self.forgotten: list[Driver] = []
        self.made = asyncio.Event()  # no process is being made
        self.made.set()
        self.pool = Pool(self.start, self.forget, size)

    async def start(self) -> Driver:
        driver = self.board.expect()
        words = self.words[min(len(self.started), len(self.words) - 1)]
        self.started.append(driver)
        self.made.clear()
        driver.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DRIVER, str(self.board.path), driver.key, *words, start_new_session=True
        )
        self.made.set()
        return driver

    def forget(self, driver: Driver) -> None:
        self.forgotten.append(driver)
        self.board.forget(driver)

    async def carry_out(self, code: str) -> tuple[str, list[str]]:
        driver = await self.pool.take()
        said: list[str] = []
        begun = await hand_over(driver, {"code": code})
        state = await follow(driver, lambda _kind, data, _size: said.append(data["text"])) if begun else "never begun"
        self.pool.release()
        return state, said

    async def parked(self, count: int) -> None:
        await self.pool.wait(count)


def play(world: World, story: Coroutine[Any, Any, None]) -> None:
    """Plays a story with a bound, and ends the drivers."""

    async def whole() -> None:
        await world.board.open()
        try:
            async with asyncio.timeout(20):
                await story
        finally:
            for driver in world.started:  # it grows: the pool fills itself after a run
                await world.made.wait()
                driver.kill()
                await driver.gone()
            remove(world.folder)

    asyncio.run(whole())


def test_n12_a_run_takes_a_parked_driver_and_the_next_is_warmed_after_it() -> None:
    world = World(["ready", "warm"])

    async def story() -> None:
        await world.parked(1)
        assert world.pool.full
        driver = await world.pool.take()
        world.pool.fill()
        await asyncio.sleep(0)
        assert driver is world.started[0] and len(world.started) == 1 and not world.pool.full
        world.pool.release()
        await world.parked(1)
        assert world.pool.full and len(world.started) == 2

    play(world, story())


def test_n12_a_run_that_finds_no_driver_takes_the_one_that_is_being_warmed() -> None:
    """Its warm-up never ends here: who waited for that would wait for ever."""
    world = World(["ready"])

    async def story() -> None:
        world.pool.fill()
        while not world.started:
            await asyncio.sleep(0)
        await asyncio.shield(world.started[0].ready)
        assert await world.carry_out("1 + 1") == ("succeeded", ["1 + 1"])
        assert len(world.started) == 1

    play(world, story())


def test_n12_a_warm_up_that_ends_after_the_hand_over_is_no_event_of_the_run() -> None:
    world = World(["ready", "warm"])

    async def story() -> None:
        assert await world.carry_out("2") == ("succeeded", ["2"])

    play(world, story())


@pytest.mark.parametrize("words", [["die"], ["ready", "die"]])
def test_n12_a_driver_that_dies_while_it_is_made_is_an_error_and_the_next_one_is_tried(words: list[str]) -> None:
    world = World(words, ["ready", "warm"])

    async def story() -> None:
        with pytest.raises(RuntimeError, match="did not become"):
            await world.parked(1)
        assert world.forgotten == world.started
        await world.parked(1)
        assert world.pool.full and await world.carry_out("3") == ("succeeded", ["3"])

    play(world, story())


def test_n12_a_run_for_which_no_driver_could_be_made_leaves_the_pool_as_it_was() -> None:
    world = World(["die"], ["ready", "warm"])

    async def story() -> None:
        with pytest.raises(RuntimeError, match="did not become ready"):
            await world.pool.take()
        assert world.forgotten == world.started
        while not world.pool.full:  # the filler goes on
            await asyncio.sleep(0.01)
        assert len(world.started) == 2

    play(world, story())


def test_n12_a_driver_that_dies_of_the_hand_over_is_noticed() -> None:
    world = World(["ready", "warm"])

    async def story() -> None:
        assert await world.carry_out("die") == ("never begun", [])

    play(world, story())


def test_n12_a_driver_that_is_wanted_at_once_does_not_warm_itself(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    assert not program.warm(folder, lambda _seconds: True)
    assert not folder.exists()
