"""The state of a shared crawl in Redis.

A task is a page to render. It is queued, leased to a worker, and finished with a result. Every transition is
atomic (a Lua script), so that no task is lost and no result counts twice, whichever process dies and whenever.
Results are kept until the crawl is over, because a publisher that takes over reads them all.
"""

import os
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import LockError

from poe_scraper.distributed.messages import FORMAT

_LEASE = """
local waiting, tasks, leases, paused = unpack(KEYS)
if redis.call('EXISTS', paused) == 1 then return false end
local id = redis.call('LPOP', waiting)
while id do
  local task = redis.call('HGET', tasks, id)
  if task then
    redis.call('HSET', leases, id, ARGV[1])
    return {id, task}
  end
  id = redis.call('LPOP', waiting)  -- a worker that counted as dead has finished it
end
return false
"""

_FINISH = """
local tasks, leases, results = unpack(KEYS)
if redis.call('HDEL', tasks, ARGV[1]) == 0 then return 0 end
redis.call('HDEL', leases, ARGV[1])
redis.call('RPUSH', results, ARGV[2])
return 1
"""

_REPORT = """
local crawl, results = unpack(KEYS)
if redis.call('EXISTS', crawl) == 1 then redis.call('RPUSH', results, ARGV[1]) end
"""

_HEARTBEAT = """
local waiting, leases, workers = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then redis.call('ZADD', workers, now, ARGV[1]) end
redis.call('ZREMRANGEBYSCORE', workers, '-inf', now - ARGV[2])
local ours = {}
for i = 3, #ARGV do ours[ARGV[i]] = true end
local held, back = redis.call('HGETALL', leases), 0
for i = 1, #held, 2 do
  local owner = held[i + 1]
  if not redis.call('ZSCORE', workers, owner) or (owner == ARGV[1] and not ours[held[i]]) then
    redis.call('HDEL', leases, held[i])
    redis.call('LPUSH', waiting, held[i])
    back = back + 1
  end
end
return back
"""

_LEAVE = """
local waiting, leases, workers = unpack(KEYS)
redis.call('ZREM', workers, ARGV[1])
local held = redis.call('HGETALL', leases)
for i = 1, #held, 2 do
  if held[i + 1] == ARGV[1] then
    redis.call('HDEL', leases, held[i])
    redis.call('LPUSH', waiting, held[i])
  end
end
"""


_SAME_FORMAT = f", format {FORMAT})"
"""How the description of a publisher ends that uses the same format of messages."""

_LOOK = 0.1
"""Seconds between two looks at another publisher."""


@dataclass(frozen=True)
class QueueState:
    """The state of a crawl at one instant."""

    results: list[bytes]
    """New results."""
    tasks: int
    """Number of unfinished tasks."""
    workers: int
    """Number of workers that are alive."""
    received: int
    """Number of results since the crawl began."""
    publisher: str
    """Description of the publisher that is alive; empty if none is."""
    paused: bool
    """True if leasing is paused, because the site asked to wait."""

    @property
    def is_foreign(self) -> bool:
        """True if the publisher uses another format of messages."""
        return bool(self.publisher) and not self.publisher.endswith(_SAME_FORMAT)


class Tasks:
    """The pages of one crawl, in Redis. Every method may raise `redis.exceptions.RedisError`.

    Args:
        server: the connection.
        name: prefix of all keys.
        lease: seconds without a heartbeat after which a process counts as dead.
    """

    def __init__(self, server: Redis, name: str, lease: float) -> None:
        self.server = server
        self.lease = lease
        self.waiting, self.tasks, self.leases, self.results, self.workers, self.paused, self.duplicates, self.crawl = (
            f"{name}:{FORMAT}:{key}"
            for key in ("requests", "tasks", "leases", "results", "workers", "paused", "dupefilter", "crawl")
        )
        # of all versions: two publishers of different ones would crawl the same pages
        self.publisher = f"{name}:publisher"
        self._lease_next = server.register_script(_LEASE)
        self._finish = server.register_script(_FINISH)
        self._report = server.register_script(_REPORT)
        self._heartbeat = server.register_script(_HEARTBEAT)
        self._leave = server.register_script(_LEAVE)
        self._me = f"process {os.getpid()} on {socket.gethostname()} ({secrets.token_hex(4)}{_SAME_FORMAT}"
        # not bound to a thread: each call may run in a different one
        self._lock = server.lock(self.publisher, timeout=lease, thread_local=False)

    # --- for workers ---------------------------------------------------------------------------

    def lease_next(self, worker: str) -> tuple[str, bytes] | None:
        """Lease the next task to a worker; None if nothing is queued or leasing is paused."""
        taken: Any = self._lease_next(keys=[self.waiting, self.tasks, self.leases, self.paused], args=[worker])
        return (_text(taken[0]), taken[1]) if taken else None

    def finish(self, task: str, result: bytes) -> bool:
        """Replace a task by its result; False if another worker has done so already."""
        return bool(self._finish(keys=[self.tasks, self.leases, self.results], args=[task, result]))

    def report(self, result: bytes) -> None:
        """Add a result that does not belong to a task, unless the crawl is over."""
        self._report(keys=[self.crawl, self.results], args=[result])

    def pause(self, seconds: float) -> None:
        """Pause leasing for a time, because the site asked to wait."""
        self.server.set(self.paused, 1, px=max(1, int(seconds * 1000)))

    def leave(self, worker: str) -> None:
        """Remove a worker, and requeue the tasks leased to it."""
        self._leave(keys=[self.waiting, self.leases, self.workers], args=[worker])

    # --- for both ------------------------------------------------------------------------------

    def heartbeat(self, worker: str = "", held: Iterable[str] = ()) -> int:
        """Record that a worker is alive, and requeue the tasks that nobody works on.

        These are the tasks leased to dead workers, and those leased to this one that it does not hold: the answer to a
        lease may have been lost, or Redis may have been restarted with older data.

        Args:
            worker: the worker's name; empty for the publisher, which is recorded by its lead.
            held: the tasks that the worker holds.

        Returns:
            The number of tasks requeued.
        """
        keys = [self.waiting, self.leases, self.workers]
        requeued: int = self._heartbeat(keys=keys, args=[worker, int(self.lease * 1000), *held])
        return requeued

    def state(self, since: int = 0, most: int = 100) -> QueueState:
        """Read the state of the crawl.

        Args:
            since: number of results that were read before, and are skipped.
            most: maximum number of results to return.
        """
        with self.server.pipeline(transaction=True) as pipe:
            pipe.lrange(self.results, since, since + most - 1)
            pipe.hlen(self.tasks)
            pipe.zcard(self.workers)
            pipe.llen(self.results)
            pipe.get(self.publisher)
            pipe.exists(self.paused)
            results, tasks, workers, received, publisher, paused = pipe.execute()
        return QueueState(results, tasks, workers, received, _text(publisher), bool(paused))

    # --- for the publisher ---------------------------------------------------------------------

    def add(self, task: str, request: bytes) -> None:
        """Queue a task, replacing one with the same id."""
        with self.server.pipeline(transaction=True) as pipe:
            pipe.hset(self.tasks, task, request)
            pipe.rpush(self.waiting, task)
            pipe.execute()

    def unfinished(self, since: int) -> set[str] | None:
        """The tasks that have no result; None if results have arrived meanwhile.

        Args:
            since: number of results that were read before.
        """
        with self.server.pipeline(transaction=True) as pipe:
            pipe.hkeys(self.tasks)
            pipe.llen(self.results)
            tasks, received = pipe.execute()
        return {_text(task) for task in tasks} if received == since else None

    def acquire_lead(self) -> str:
        """Become the publisher. If the last one died, this waits until its lease ends.

        Returns:
            Empty on success, else a description of the publisher that is alive, or was when this was called.
        """
        if self._lock.acquire(blocking=False, token=self._me):
            return ""
        holder, left = self._holder()
        if holder == self._me:  # the answer to an earlier attempt was lost
            return ""
        ends = monotonic() + left
        while holder and monotonic() < ends + _LOOK:
            sleep(_LOOK)
            later, left = self._holder()
            renewed = later == holder and monotonic() + left > ends + _LOOK
            ended_itself = later != holder and monotonic() < ends - _LOOK
            if renewed or ended_itself:
                return holder
        return "" if self._lock.acquire(blocking=False, token=self._me) else self._holder()[0] or "another process"

    def _holder(self) -> tuple[str, float]:
        """Description of the publisher, empty if there is none; and the seconds until its lease ends."""
        with self.server.pipeline(transaction=True) as pipe:
            pipe.get(self.publisher)
            pipe.pttl(self.publisher)
            holder, left = pipe.execute()
        return _text(holder), left / 1000

    def renew_lead(self) -> bool:
        """Renew the publisher's lease; False if another process has taken over."""
        try:
            self._lock.reacquire()
        except LockError:  # it expired while Redis could not be reached
            return bool(self._lock.acquire(blocking=False, token=self._me))
        return True

    def begin(self, identity: str, max_age: float) -> bool:
        """Start a crawl, or resume an unfinished one.

        Args:
            identity: only a crawl with the same identity is resumed.
            max_age: age in seconds from which an unfinished crawl is not resumed.

        Returns:
            True if a crawl is resumed.
        """
        left: Any = self.server.get(self.crawl)
        if left is not None and _text(left) == identity:
            return True
        self.clear()
        self.server.set(self.crawl, identity, px=max(1, int(max_age * 1000)))
        return False

    def clear(self) -> None:
        """Delete the crawl."""
        self.server.delete(
            self.crawl, self.waiting, self.tasks, self.leases, self.results, self.paused, self.duplicates
        )

    def resign(self) -> None:
        """Stop being the publisher."""
        try:
            self._lock.release()
        except LockError:  # another process has taken over
            return


def _text(value: bytes | None) -> str:
    """A string that Redis holds, whoever wrote it; empty for None."""
    return (value or b"").decode(errors="replace")


def address(url: str) -> str:
    """The address of a Redis server, without user and password."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}:{parts.port or 6379}{parts.path}" if parts.hostname else parts.path
