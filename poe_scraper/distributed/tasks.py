"""What a shared crawl keeps in Redis.

A task is a page to render. It waits, is leased to a worker, and is finished with a result. Redis changes
its state in one step each time (Lua scripts), so that whichever process dies, at whatever instant, no task
is lost and no result counts twice. Results stay until the crawl is over: a publisher that takes over reads
them all.
"""

import os
import secrets
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import LockError

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
  id = redis.call('LPOP', waiting)  -- it was finished by a worker that had been given up
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

_TELL = """
local crawl, results = unpack(KEYS)
if redis.call('EXISTS', crawl) == 1 then redis.call('RPUSH', results, ARGV[1]) end
"""

_BEAT = """
local waiting, leases, workers = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then redis.call('ZADD', workers, now, ARGV[1]) end
redis.call('ZREMRANGEBYSCORE', workers, '-inf', now - ARGV[2])
local held, back = redis.call('HGETALL', leases), 0
for i = 1, #held, 2 do
  if not redis.call('ZSCORE', workers, held[i + 1]) then
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


@dataclass(frozen=True)
class Look:
    """The state of a crawl at one instant."""

    results: list[bytes]
    """Results that were not looked at before."""
    tasks: int
    """Tasks that are not finished."""
    workers: int
    """Workers that are alive."""
    published: bool
    """Whether a publisher is alive."""


class Tasks:
    """The pages of one crawl, in Redis. Every method may raise `redis.exceptions.RedisError`.

    Args:
        server: the connection.
        name: what the keys begin with.
        lease: seconds without a beat after which a process counts as dead.
    """

    def __init__(self, server: Redis, name: str, lease: float) -> None:
        self.server = server
        self.lease = lease
        self.waiting = f"{name}:requests"
        self.tasks = f"{name}:tasks"
        self.leases = f"{name}:leases"
        self.results = f"{name}:results"
        self.workers = f"{name}:workers"
        self.paused = f"{name}:paused"
        self.duplicates = f"{name}:dupefilter"
        self.crawl = f"{name}:crawl"
        self.publisher = f"{name}:publisher"
        self._take = server.register_script(_LEASE)
        self._finish = server.register_script(_FINISH)
        self._tell = server.register_script(_TELL)
        self._beat = server.register_script(_BEAT)
        self._leave = server.register_script(_LEAVE)
        # not bound to a thread: each call may run on another one
        self._lock = server.lock(self.publisher, timeout=lease, thread_local=False)

    # --- the worker's side ---------------------------------------------------------------------

    def take(self, worker: str) -> tuple[str, bytes] | None:
        """Lease the next task to a worker; None where none waits, or all are asked to."""
        taken: Any = self._take(keys=[self.waiting, self.tasks, self.leases, self.paused], args=[worker])
        return (taken[0].decode(), taken[1]) if taken else None

    def finish(self, task: str, result: bytes) -> bool:
        """Replace a task by its result; False where another worker did so before."""
        return bool(self._finish(keys=[self.tasks, self.leases, self.results], args=[task, result]))

    def tell(self, result: bytes) -> None:
        """Add a result that belongs to no task, if the crawl is not over."""
        self._tell(keys=[self.crawl, self.results], args=[result])

    def pause(self, seconds: float) -> None:
        """Lease nothing for so long: the site wants to be left alone."""
        self.server.set(self.paused, 1, px=max(1, int(seconds * 1000)))

    def leave(self, worker: str) -> None:
        """Give back all that a worker has leased."""
        self._leave(keys=[self.waiting, self.leases, self.workers], args=[worker])

    # --- both sides ----------------------------------------------------------------------------

    def beat(self, worker: str = "") -> int:
        """Say that a worker is alive, and give back what dead ones had leased.

        Returns:
            How many tasks that were.
        """
        back: int = self._beat(keys=[self.waiting, self.leases, self.workers], args=[worker, int(self.lease * 1000)])
        return back

    def look(self, since: int = 0, most: int = 100) -> Look:
        """Look at the crawl.

        Args:
            since: how many results were looked at before.
            most: how many results to give at most.
        """
        with self.server.pipeline(transaction=True) as pipe:
            pipe.lrange(self.results, since, since + most - 1)
            pipe.hlen(self.tasks)
            pipe.zcard(self.workers)
            pipe.exists(self.publisher)
            results, tasks, workers, published = pipe.execute()
        return Look(results, tasks, workers, bool(published))

    # --- the publisher's side ------------------------------------------------------------------

    def add(self, task: str, request: bytes) -> None:
        """Add a task, unless it is there."""
        with self.server.pipeline(transaction=True) as pipe:
            pipe.hset(self.tasks, task, request)
            pipe.rpush(self.waiting, task)
            pipe.execute()

    def lead(self) -> str | None:
        """Become the publisher. One that died is waited for until its lease ends.

        Returns:
            None, or who is the publisher.
        """
        me = f"process {os.getpid()} on {socket.gethostname()} ({secrets.token_hex(4)})"
        if self._lock.acquire(token=me, blocking_timeout=1.5 * self.lease):
            return None
        holder: Any = self.server.get(self.publisher)
        return holder.decode() if holder else "another process"

    def still_leads(self) -> bool:
        """Go on being the publisher; False where this process was taken for dead."""
        try:
            self._lock.reacquire()
        except LockError:
            return False
        return True

    def begin(self, what: str, max_age: float) -> bool:
        """Begin a crawl, or go on with one that was left unfinished.

        Args:
            what: tells one crawl from another.
            max_age: seconds after which an unfinished crawl is not gone on with.

        Returns:
            Whether one is.
        """
        left: Any = self.server.get(self.crawl)
        if left is not None and left.decode() == what:
            return True
        self.clear()
        self.server.set(self.crawl, what, px=max(1, int(max_age * 1000)))
        return False

    def clear(self) -> None:
        """Forget the crawl."""
        self.server.delete(
            self.crawl, self.waiting, self.tasks, self.leases, self.results, self.paused, self.duplicates
        )

    def resign(self) -> None:
        """Be the publisher no longer."""
        try:
            self._lock.release()
        except LockError:  # another process has taken over
            return


def address(url: str) -> str:
    """Where a Redis is, without user and password."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}:{parts.port or 6379}{parts.path}" if parts.hostname else parts.path
