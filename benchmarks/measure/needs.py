"""What so many sessions need, from measured costs. Arithmetic only."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from benchmarks.measure.store_costs import Costs

# Memory for replication buffers and for the copies of pages while the server writes its file, and
# for the allocator's holes; processor time for peaks and for a node that takes over another's part.
MEMORY_SHARE = 0.6
CPU_SHARE = 0.4


class Terms(NamedTuple):
    """What a site is like."""

    rate: float = 0.01  # requests a second of one live session
    writes: float = 0.2  # of requests
    new: float = 0.04  # sessions that begin, of requests
    users: float = 0.5  # of sessions
    memory: float = 32.0  # GB of a node
    cores: float = 1.0  # of a node; Redis and Valkey run commands on one


class Needs(NamedTuple):
    """What sessions need in all, and how many nodes."""

    requests: float  # a second
    octets: float
    cores: float  # of the server's processors
    calls: float  # exchanges a second
    network: float  # bytes a second, both directions
    nodes: int | None  # None: it cannot spread over nodes


def renewed(rate: float, step: float = 60.0) -> float:
    """Return the share of a session's requests that also renew its idle timeout.

    A renewal waits until the next request after a step has passed.

    >>> round(renewed(0.01), 3), round(renewed(10), 4)
    (0.625, 0.0017)
    """
    return 1 / (rate * step + 1)


def _per_request(terms: Terms, load: float, renew: float, others: tuple[float, ...]) -> float:
    """Return what a request costs on average, if its calls cost so much."""
    patch, create, login = others
    share = renewed(terms.rate)
    begins = terms.users * login + (1 - terms.users) * create
    loads = (1 - terms.new) * (share * renew + (1 - share) * load)
    return loads + terms.writes * patch + terms.new * begins


def find_needs(costs: Costs, sessions: int, terms: Terms, skew: float = 1.0) -> Needs:
    """Return what so many live sessions need.

    skew: what the fullest node of a cluster has, beside the mean.
    """
    requests = sessions * terms.rate
    load, renew, *others = costs.calls.values()

    def total(kind: str) -> float:
        values = [
            call.cpu / 1e6 if kind == "cpu" else getattr(call.traffic, kind)
            for call in (load, renew, *others)
        ]
        return requests * _per_request(terms, values[0], values[1], tuple(values[2:]))

    octets = sessions * (terms.users * costs.user_octets + (1 - terms.users) * costs.used)
    cores = total("cpu")
    by_memory = octets * skew / (terms.memory * 1e9 * MEMORY_SHARE)
    by_cpu = cores * skew / (terms.cores * CPU_SHARE)
    network = total("sent") + total("received")
    nodes = max(1, ceil(by_memory), ceil(by_cpu))
    return Needs(requests, octets, cores, total("exchanges"), network, nodes)
