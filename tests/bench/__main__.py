"""
Measure everything: prints a table, and writes it as JSON.

    python tests/bench [--short] [--only NAME ...] [--json FILE]

Figures never pass or fail here. The short form takes a fraction of the time and shows that everything still works; a
test compares its counts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import costs
import latency
import peers
from figures import Figure, machine, p50_p99, percentile, table, write

T = TypeVar("T")

OLD, PREFECT = "flyteplugins-hitl", "Prefect"


class Bench:
    """
    One run.

    Args:
        folder: For everything that is made on the way.
        short: Few of each, and no peers.
    """

    def __init__(self, folder: Path, short: bool) -> None:
        self.figures: list[Figure] = []
        self.remarks: list[str] = []
        self.facts: dict[str, object] = {}
        self._folder = folder
        self._short = short
        self._flyte = self._peer("flyte", peers.FLYTE)
        self._prefect = self._peer("prefect", peers.PREFECT)

    def push(self) -> None:
        """Answered, to resumed, by push."""
        count = self._few(10, 500)
        found = latency.by_push(self._place("push"), count)
        old = self._beside(self._flyte, peers.flyte_latency, "push-flyte", 40, [])
        prefect = self._beside(self._prefect, peers.prefect_latency, "push-prefect", 6, [])
        self.facts["push"] = {"answered": count, "right": found.right}
        self.figures += p50_p99("200 to wait() returned, by push", found.accepted, (2, 8), old, OLD)
        if prefect:
            self.figures += p50_p99("the same, beside Prefect's pause", found.accepted, (2, 8), prefect, PREFECT)
        self.figures += p50_p99("answer sent to wait() returned, by push", found.sent)

    def bucket(self) -> None:
        """Answered, to resumed, on S3."""
        with latency.s3(self._few(["ministack"], ["ceph", "ministack"])) as (name, server):
            if server is None:
                self.remarks.append("S3 was left out: neither Ceph nor ministack is on this machine")
                return
            count = self._few(5, 200)
            once = latency.put_and_get(server.environ, count) * 1000
            found = latency.by_push(self._place("bucket"), count, server.url, **server.environ)
            once = (once + latency.put_and_get(server.environ, count) * 1000) / 2 if not self._short else once
        self.facts["bucket"] = {"answered": count, "right": found.right}
        note = f"{name}; one PUT and one GET of it take {once:.1f} ms"
        self.figures += p50_p99(
            f"200 to wait() returned, S3 ({name}), by push", found.accepted, (once + 5, None), note=note
        )
        self.figures += p50_p99(f"answer sent to wait() returned, S3 ({name})", found.sent)

    def tick(self) -> None:
        """Answered, to resumed, by markers alone."""
        count = self._few(4, 100)
        found = latency.by_tick(self._place("tick"), count)
        self.facts["tick"] = {"answered": count, "right": found.right}
        self.figures += p50_p99("200 to wait() returned, by tick alone", found.accepted, (None, 600))

    def verdict(self) -> None:
        """Submit pressed, to the page that says what the author's code thinks."""
        count = self._few(3, 50)
        seconds, right = latency.verdicts(self._place("verdict"), count)
        self.facts["verdict"] = {"submitted": 2 * count, "right": right}
        self.figures += p50_p99("verdict on the page for a candidate", seconds, (None, 300))

    def waiting(self) -> None:
        """What many waiting events cost."""
        counts = self._few([1, 50], [1, 1_000, 100_000])
        seconds = self._few(3.0, 120.0)
        plans = [costs.Plan(count) for count in counts]
        # First, so that its first minute, in which it looks twice a second, has passed when the others are ready.
        alone = self._few([], [costs.Plan(1_000, pushed=False), costs.Plan(10_000, by_watcher=True)])
        found = costs.idle([*alone, *plans], seconds)
        for each, plan in zip(found, [*alone, *plans], strict=True):
            if plan.by_watcher:
                bare = each.memory[0] / 1024
                self.figures.append(
                    Figure("10,000 waiting: memory of a Watcher.wait()", bare, "KB", note="below wait()")
                )
                continue
            name = f"{each.events:,} waiting{'' if plan.pushed else ', no push'}: storage requests a minute"
            note = f"over {seconds:.0f} s; the sweep's GETs apart: {each.sweep:.0f}"
            self.figures.append(Figure(name, each.ticks, "", 6 if plan.pushed else None, note=note))
        found = found[len(alone) :]
        self.facts["waiting"] = {str(each.events): _in_all(each, seconds) for each in found}
        most = found[-1]
        name = f"{most.events:,} waiting"
        handles = f"with the handle and its question {most.memory[1] / 1024:.1f} KB"
        self.figures.append(Figure(f"{name}: CPU idle", most.cpu, "% of a core", 1))
        self.figures.append(Figure(f"{name}: memory of a wait()", most.memory[0] / 1024, "KB", 5, note=handles))
        self.figures.append(Figure(f"{name}: ask one", most.asked, "CPU-ms"))
        self.figures.append(Figure(f"{name}: begin to wait for one", most.entered, "CPU-ms"))

    def server(self) -> None:
        """What requests cost one worker."""
        count = self._few(40, 2_000)
        found = costs.routes(self._place("server"), count)
        old = self._beside(self._flyte, peers.flyte_load, "server-flyte", count, {})
        self.facts["server"] = {"routes": sorted(found)}
        for route, name, aim in (
            ("post", "POST /submit/json", 0.7),
            ("form", "GET /form", 0.6),
            ("order", "GET /form of a nested model", None),
        ):
            peer, of = old.get(route), OLD if route in old else ""
            cost, rate = found[route]
            self.figures.append(Figure(name, cost, "CPU-ms", aim, peer.cpu if peer else None, of, f"n={count}"))
            self.figures.append(
                Figure(f"{name}, one worker", rate, "requests/s", None, peer.rate if peer else None, of)
            )

    def imports(self) -> None:
        """What an import takes."""
        times = self._few(1, 7)
        python, environ = costs.ours()
        seconds = percentile(peers.import_seconds(python, "pausepoint", times, environ), 0.5)
        for peer, module, of in (
            (self._flyte, "flyteplugins.hitl", OLD),
            (self._prefect, "prefect.flow_runs", PREFECT),
        ):
            other = percentile(peers.import_seconds(peer, module, times, peers.clean()), 0.5) * 1000 if peer else None
            name = f"import pausepoint, beside {module}" if peer else "import pausepoint"
            self.figures.append(
                Figure(name, seconds * 1000, "ms", None, other, of if peer else "", f"median of {times}")
            )
            if not peer:
                return
        self._extra_of_flyte(times)

    def _extra_of_flyte(self, times: int) -> None:
        """What our `flyteplugins.hitl` and the old one take each, where `import flyte` is done."""
        ours = self._peer("flyte-ours", peers.OURS_IN_FLYTE)
        if not (ours and self._flyte):
            return
        mine, other = (
            percentile(peers.import_seconds(python, "flyteplugins.hitl", times, peers.clean(), "flyte"), 0.5) * 1000
            for python in (ours, self._flyte)
        )
        self.figures.append(
            Figure("import flyteplugins.hitl after flyte", mine, "ms", 150, other, OLD, f"median of {times}")
        )

    def create(self) -> None:
        """What asking takes."""
        self.figures += p50_p99("create an event", latency.created(self._place("create"), self._few(5, 200)))

    def burst(self) -> None:
        """Everything is answered at once."""
        count = self._few(50, 1_000)
        found, seconds = latency.burst(self._place("burst"), count)
        self.facts["burst"] = {"answered": count, "right": found.right}
        self.figures.append(Figure(f"burst of {count:,} answers: first sent to last returned", seconds, "s"))
        self.figures += p50_p99(f"burst of {count:,}: 200 to wait() returned", found.accepted)
        self.figures += p50_p99(f"burst of {count:,}: answer sent to wait() returned", found.sent)

    def _few(self, short: T, long: T) -> T:
        return short if self._short else long

    def _beside(
        self, peer: Path | None, measure: Callable[[Path, Path, int], T], name: str, count: int, nothing: T
    ) -> T:
        """Measure a peer; one that is not there or fails is left out, for its trouble is not ours."""
        if peer is None:
            return nothing
        try:
            return measure(peer, self._place(name), count)
        except (AssertionError, OSError) as error:
            self.remarks.append(f"{name} was left out: {str(error)[-300:]}")
            return nothing

    def _place(self, name: str) -> Path:
        place = self._folder / name
        place.mkdir()
        return place

    def _peer(self, name: str, packages: tuple[str, ...]) -> Path | None:
        if self._short:
            return None
        found = peers.installed(self._folder, name, packages)
        if isinstance(found, str):
            self.remarks.append(found)
            return None
        return found


def _in_all(idle: costs.Idle, seconds: float) -> dict[str, int]:
    """Return the requests of the whole window."""
    return {"lists": round(idle.ticks * seconds / 60), "gets": round(idle.sweep * seconds / 60)}


NAMES = ("push", "bucket", "tick", "verdict", "waiting", "server", "imports", "create", "burst")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__.strip().partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="few of each, and no peers")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="some of the figures")
    parser.add_argument("--json", type=Path, default=Path(".tox/reports/bench.json"), help="where the figures go")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pausepoint-bench-") as folder:
        bench = Bench(Path(folder), given.short)
        for name in given.only:
            began = time.monotonic()
            measure: Callable[[], None] = getattr(bench, name)
            measure()
            print(f"{name}: took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    write(given.json, bench.figures, bench.remarks, bench.facts)
    print("\n".join(f"{fact}: {told}" for fact, told in machine().items()), end="\n\n")
    print(table(bench.figures))
    print("\n".join(bench.remarks))


if __name__ == "__main__":
    main()
