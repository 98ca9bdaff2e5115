#!/usr/bin/env python3
"""A worker for Milepost in Python, with nothing but the standard library.

    MILEPOST_TOKEN=... python3 python-worker.py http://127.0.0.1:7077 --concurrency 4

It runs the items of the pipeline "words": it counts the words of a text, line by line. To do work of your own, write
another function like `count_words` and name it in HANDLERS. All the rest can stay as it is.

A call that fails is made again until it is answered: claims, heartbeats and reports may be repeated. Ctrl-C gives back
what was begun, with what it saved; a second Ctrl-C ends at once, and then the items run elsewhere when the lease is over.
"""

import argparse
import http.client
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request


class Final(Exception):
    """Raised by a handler: another attempt cannot help."""


class Stopped(BaseException):
    """Raised in a handler by `step.check()`: its work is to end. Not an Exception, so that handlers do not catch it."""


class Gone(Exception):
    """The server knows this worker no more: it was silent for too long, and its items run elsewhere."""


def count_words(lease, step):
    """Counts the words of `input.text`, and goes on where an earlier attempt was stopped."""
    lines = lease["input"]["text"].splitlines()
    if not lines:
        raise Final("there is nothing to count")
    saved = lease["saved"] or {"lines": 0, "words": 0}
    words = saved["words"]
    for index in range(saved["lines"], len(lines)):
        step.check()
        words += len(lines[index].split())
        time.sleep((lease["batch"]["options"] or {}).get("secondsPerLine", 0))
        step.save({"lines": index + 1, "words": words})
        step.progress(index + 1, len(lines), "line")
    return {"words": words}


HANDLERS = {"words": count_words}


class Step:
    """A handler's line to Milepost while it works on one item."""

    def __init__(self, lease):
        self.name = {"itemId": lease["itemId"], "token": lease["token"]}
        self.changed = threading.Condition()
        self.order = "go-on"
        self.halted = False
        self.latest = None
        self.saved = None

    def progress(self, done, total, unit=None, stage=None, message=None):
        """Cheap: only the latest of many calls is sent."""
        told = {"done": done, "total": total, "unit": unit, "stage": stage, "message": message}
        self.latest = {key: value for key, value in told.items() if value is not None}

    def save(self, data):
        """Kept for the next attempt; sent with the next progress or when the item is given back."""
        self.saved = data

    def check(self):
        """To be called often: waits while the batch is paused, raises Stopped when the work is to end."""
        with self.changed:
            while self.order == "pause":
                self.halted = True
                self.changed.wait()
            self.halted = False
            if self.order in ("abort", "lost"):
                raise Stopped(self.order)

    def obey(self, order):
        with self.changed:
            # An end is not taken back.
            if self.order not in ("abort", "lost") or order == "lost":
                self.order = order
            self.changed.notify_all()

    def with_saved(self, report):
        return {**self.name, **report, **({} if self.saved is None else {"saved": self.saved})}


class Worker:
    def __init__(self, url, token, concurrency, lease_seconds):
        self.url = url.rstrip("/")
        self.token = token
        self.registration = {
            "name": f"{socket.gethostname()}:{os.getpid()} (python)",
            "pipelines": list(HANDLERS),
            "concurrency": concurrency,
            "leaseSeconds": lease_seconds,
        }
        self.lease_seconds = lease_seconds
        self.lock = threading.Lock()
        self.path = None
        self.held = {}
        self.slots = threading.Semaphore(concurrency)
        self.concurrency = concurrency
        self.leaving = threading.Event()

    # Calls

    def call(self, method, path, body=None, wait_seconds=0):
        """One call; fails with OSError where the server was not reached or could not answer now."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("authorization", f"Bearer {self.token}")
        if data is not None:
            request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=wait_seconds + 10) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")
            if error.code == 404:
                raise Gone() from error
            if error.code >= 500 or error.code == 429:
                raise OSError(f"{error.code}: {detail}") from error
            raise RuntimeError(f"{method} {path} was refused with {error.code}: {detail}") from error
        except http.client.HTTPException as error:
            raise OSError(f"the answer broke off: {error!r}") from error
        return json.loads(text) if text else None

    def insist(self, method, path, body, wait_seconds=0):
        """The same until it is answered, with pauses that grow, and differ by chance so that not all come at once."""
        pause = 0.1
        while True:
            try:
                return self.call(method, path, body, wait_seconds)
            except OSError as error:
                say(f"no answer, trying again: {error}")
            time.sleep(pause * random.uniform(0.5, 1))
            pause = min(5, pause * 2)

    # The three loops: this one claims, one beats, one sends progress.

    def run(self):
        self.register()
        for loop in (self.beat, self.send_progress):
            threading.Thread(target=loop, daemon=True).start()
        while True:
            self.slots.acquire()
            free = 1
            while free < self.concurrency and self.slots.acquire(blocking=False):
                free += 1
            leases = self.claim(free)
            if leases is None:
                return self.finish()
            for lease in leases:
                step = Step(lease)
                with self.lock:
                    self.held[lease["itemId"]] = step
                threading.Thread(target=self.work, args=(lease, step), daemon=True).start()
            for _ in range(free - len(leases)):
                self.slots.release()

    def finish(self):
        """Lets what runs end: nothing more is given to this worker."""
        say("drained: finishing what runs")
        while True:
            with self.lock:
                if not self.held:
                    return
            time.sleep(0.1)

    def register(self):
        answer = self.insist("POST", "/api/workers", self.registration)
        with self.lock:
            self.path = f"/api/workers/{answer['workerId']}"
        say(f"registered as {answer['workerId']}")

    def claim(self, limit):
        """What is claimed has started. All that is held is named: what else the server gave has not arrived here. None: an
        operator drains this worker."""
        wait = min(30, self.lease_seconds / 3)
        with self.lock:
            path, held = self.path, [step.name for step in self.held.values()]
        try:
            body = {"limit": limit, "held": held, "waitSeconds": wait}
            answer = self.insist("POST", f"{path}/claim", body, wait)
            return None if answer["isDraining"] and not answer["leases"] else answer["leases"]
        except Gone:
            self.start_anew(path)
            return []

    def beat(self):
        """Renews the lease and hears orders: the server answers when there are new ones, so they arrive at once."""
        confirmed = None
        path = None
        while not self.leaving.is_set():
            with self.lock:
                if path != self.path:
                    path, confirmed = self.path, None
                steps = dict(self.held)
            held = [{**step.name, "isHalted": step.halted} for step in steps.values()]
            # Nothing is waited for where a lease may have come or gone meanwhile: the next answer tells.
            wait = 0 if confirmed is None else min(2, self.lease_seconds / 3)
            try:
                body = {"held": held, "confirmed": confirmed, "waitSeconds": wait}
                answer = self.insist("POST", f"{path}/heartbeat", body, wait)
            except Gone:
                self.start_anew(path)
                continue
            for order in answer["orders"]:
                step = steps[order["itemId"]]
                if step.name["token"] == order["token"]:
                    step.obey(order["order"])
            confirmed = answer["revision"]
            if any(order["order"] == "lost" for order in answer["orders"]):
                # Until its handler has ended, a lost lease would be asked for again and again.
                time.sleep(0.2)

    def send_progress(self):
        while not self.leaving.wait(0.2):
            with self.lock:
                path, steps = self.path, list(self.held.values())
            reports = []
            for step in steps:
                latest, step.latest = step.latest, None
                if latest is not None:
                    reports.append(step.with_saved({"type": "progress", **latest}))
            if reports:
                try:
                    self.insist("POST", f"{path}/reports", {"reports": reports})
                except (Gone, RuntimeError) as error:
                    say(f"progress was not taken: {error!r}")

    def start_anew(self, path):
        """Drops all that is held, for others have it by now, and registers again; once, whoever notices it first."""
        with self.lock:
            if path != self.path:
                return
            for step in self.held.values():
                step.obey("lost")
            self.held.clear()
        say("the lease is over; starting anew")
        self.register()

    # One item

    def work(self, lease, step):
        try:
            output = HANDLERS[lease["batch"]["pipeline"]](lease, step)
            report = {**step.name, "type": "complete", "output": output}
        except Stopped:
            report = step.with_saved({"type": "release"})
        except Exception as error:
            details = {"name": type(error).__name__, "message": str(error)}
            report = step.with_saved({"type": "fail", "error": details, "isFinal": isinstance(error, Final)})
        try:
            if step.order != "lost":
                self.report(lease, report)
        finally:
            with self.lock:
                if self.held.get(lease["itemId"]) is step:
                    del self.held[lease["itemId"]]
            self.slots.release()

    def report(self, lease, report):
        with self.lock:
            path = self.path
        try:
            answer = self.insist("POST", f"{path}/reports", {"reports": [report]})
            say(f"{lease['key']}: {report['type']} {answer['results'][0]['result']}")
        except (Gone, RuntimeError) as error:
            say(f"{lease['key']}: {report['type']} was not taken: {error!r}")

    def leave(self):
        """Gives back what was begun, with what it saved, and closes the session."""
        self.leaving.set()
        with self.lock:
            path, steps = self.path, list(self.held.values())
            self.held.clear()
        for step in steps:
            step.obey("lost")
        if path is None:
            return
        try:
            if steps:
                reports = [step.with_saved({"type": "release"}) for step in steps]
                self.call("POST", f"{path}/reports", {"reports": reports})
            self.call("DELETE", path)
            say(f"gave back {len(steps)} and left")
        except (OSError, Gone) as error:
            say(f"could not say goodbye; what was begun runs elsewhere once the lease is over: {error!r}")


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description="A worker for Milepost in Python")
    parser.add_argument("url", help="of the server, such as http://127.0.0.1:7077")
    parser.add_argument("--concurrency", type=int, default=1, help="items at once (default 1)")
    parser.add_argument("--lease", type=int, default=30, help="seconds of silence until others take the items")
    options = parser.parse_args()
    token = os.environ.get("MILEPOST_TOKEN")
    if not token:
        parser.error("put the operator's token into the environment as MILEPOST_TOKEN; the server prints it at its start")

    def interrupt(number, _frame):
        signal.signal(number, signal.SIG_DFL)
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    worker = Worker(options.url, token, options.concurrency, options.lease)
    try:
        worker.run()
    finally:
        worker.leave()


if __name__ == "__main__":
    main()
