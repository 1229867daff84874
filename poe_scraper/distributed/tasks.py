"""The state of a shared crawl in Redis.

A task is a page to render. It is queued, leased to a worker, and finished with a result. Every transition is
atomic (a Lua script), so that no task is lost and no result counts twice, whichever process dies and whenever.
Results are kept until the crawl is over, because a publisher that takes over reads them all.
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
class QueueState:
    """The state of a crawl at one instant."""

    results: list[bytes]
    """New results."""
    tasks: int
    """Number of unfinished tasks."""
    workers: int
    """Number of workers that are alive."""
    published: bool
    """True if a publisher is alive."""


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
        self.waiting = f"{name}:requests"
        self.tasks = f"{name}:tasks"
        self.leases = f"{name}:leases"
        self.results = f"{name}:results"
        self.workers = f"{name}:workers"
        self.paused = f"{name}:paused"
        self.duplicates = f"{name}:dupefilter"
        self.crawl = f"{name}:crawl"
        self.publisher = f"{name}:publisher"
        self._lease_next = server.register_script(_LEASE)
        self._finish = server.register_script(_FINISH)
        self._report = server.register_script(_REPORT)
        self._heartbeat = server.register_script(_HEARTBEAT)
        self._leave = server.register_script(_LEAVE)
        # not bound to a thread: each call may run in a different one
        self._lock = server.lock(self.publisher, timeout=lease, thread_local=False)

    # --- for workers ---------------------------------------------------------------------------

    def lease_next(self, worker: str) -> tuple[str, bytes] | None:
        """Lease the next task to a worker; None if nothing is queued or leasing is paused."""
        taken: Any = self._lease_next(keys=[self.waiting, self.tasks, self.leases, self.paused], args=[worker])
        return (taken[0].decode(), taken[1]) if taken else None

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

    def heartbeat(self, worker: str = "") -> int:
        """Record that a worker is alive, and requeue the tasks leased to dead workers.

        Args:
            worker: the worker's name; empty for the publisher, which is recorded by its lead.

        Returns:
            The number of tasks requeued.
        """
        keys = [self.waiting, self.leases, self.workers]
        requeued: int = self._heartbeat(keys=keys, args=[worker, int(self.lease * 1000)])
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
            pipe.exists(self.publisher)
            results, tasks, workers, published = pipe.execute()
        return QueueState(results, tasks, workers, bool(published))

    # --- for the publisher ---------------------------------------------------------------------

    def add(self, task: str, request: bytes) -> None:
        """Queue a task, replacing one with the same id."""
        with self.server.pipeline(transaction=True) as pipe:
            pipe.hset(self.tasks, task, request)
            pipe.rpush(self.waiting, task)
            pipe.execute()

    def acquire_lead(self) -> str | None:
        """Become the publisher. If the last one died, this waits until its lease ends.

        Returns:
            None on success, else a description of the current publisher.
        """
        me = f"process {os.getpid()} on {socket.gethostname()} ({secrets.token_hex(4)})"
        if self._lock.acquire(token=me, blocking_timeout=1.5 * self.lease):
            return None
        holder: Any = self.server.get(self.publisher)
        return holder.decode() if holder else "another process"

    def renew_lead(self) -> bool:
        """Renew the publisher's lease; False if it has expired."""
        try:
            self._lock.reacquire()
        except LockError:
            return False
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
        if left is not None and left.decode() == identity:
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


def address(url: str) -> str:
    """The address of a Redis server, without user and password."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}:{parts.port or 6379}{parts.path}" if parts.hostname else parts.path
