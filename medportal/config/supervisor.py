"""`python -m medportal.config.supervisor`: starts the whole site on one machine, keeps it running, ends it whole."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from medportal.config import before_start, bundled_broker
from medportal.config.before_start import ROOT, Address, CannotStartError
from medportal.config.children import Child, end_all

READY_WITHIN_S = 90.0
GRACE_S = 10.0


def main() -> int:
    """Run the site until it is told to end; returns the exit code."""
    try:
        return Supervisor(dict(os.environ)).run()
    except CannotStartError as error:
        print(f"medportal: {error}", file=sys.stderr)  # noqa: T201
        return 1


class Supervisor:
    """A site on one machine: broker, web, a worker for each queue."""

    def __init__(self, environment: dict[str, str]) -> None:
        before_start.check_python()
        self.began_at = time.monotonic()
        self.is_told_to_end = False
        self.address = before_start.address_from(environment)
        self.data_dir = before_start.data_dir_from(environment)
        self.environment = {name: value for name, value in environment.items() if value}
        if "MEDPORTAL_DATA_DIR" in self.environment:
            self.environment["MEDPORTAL_DATA_DIR"] = str(self.data_dir)
        names = ",".join(before_start.names_of(self.address))
        self.environment.setdefault("MEDPORTAL_ALLOWED_HOSTS", names)
        self.broker: Child | None = None
        self.children: list[Child] = []

    def say(self, text: str) -> None:
        """Print one line of progress."""
        print(f"[{time.monotonic() - self.began_at:5.1f} s] {text}", flush=True)  # noqa: T201

    def run(self) -> int:
        """Start, tend, end."""
        before_start.check_data_dir(self.data_dir)
        # Held open until we end.
        claim = before_start.claim_data_dir(self.data_dir)
        before_start.check_address(self.address)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._hear)
        try:
            self._start()
            while not self.is_told_to_end:
                self._tend()
                time.sleep(0.2)
        finally:
            self._end()
            claim.close()
        return 0

    def _hear(self, *_: object) -> None:
        self.is_told_to_end = True

    def _start(self) -> None:
        self._start_broker()
        password = self._prepare_database()
        self._start_processes()
        if self._wait_until_ready():
            self._greet(password)
            self._start_demo()

    def _start_broker(self) -> None:
        if "REDIS_URL" in self.environment:
            self.say("Broker: the one that REDIS_URL names")
            return
        self.broker, url = bundled_broker.start_broker(self.data_dir)
        bundled_broker.write_url(self.data_dir / "run" / "broker.url", url)
        self.say("Broker: started")

    def _prepare_database(self) -> str:
        """Bring the tables up to date and make the first accounts; returns a password that was made up."""
        os.environ.update(self.environment)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medportal.config.settings")
        import django
        from django.core.exceptions import ImproperlyConfigured
        from django.db import DatabaseError

        try:
            django.setup()
            steps = _migrate()
            self.say(f"Database: {steps} steps taken" if steps else "Database: up to date")
            return self._make_accounts()
        except (ImproperlyConfigured, DatabaseError) as error:
            reason = str(error).strip().split("\n")[0].rstrip(".")
            raise CannotStartError(f"The database or the settings are not right: {reason}.") from error

    def _make_accounts(self) -> str:
        from django.db import connection

        from medportal.accounts.first_accounts import make_first_accounts
        from medportal.jobs.models import Heartbeat

        password = self.environment.get("MEDPORTAL_ADMIN_PASSWORD", "")
        made_up = make_first_accounts(password, password_file=self._password_file)
        # Workers of an earlier run are not there, however recent their last sign.
        Heartbeat.objects.all().delete()
        connection.close()
        return made_up

    @property
    def _password_file(self) -> Path:
        return self.data_dir / "secrets" / "first_password"

    def _start_processes(self) -> None:
        from medportal.config.celery import worker_arguments

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # `default` and `training` decode and watch; the numbers are crunched in a training's child, and in `inference`.
        workers = {"default": 1, "training": 1, "inference": max(1, cores // 2)}
        self._add("web", _web_arguments(self.address, self.environment), threads=1)
        for queue, threads in workers.items():
            self._add(f"worker-{queue}", worker_arguments(queue), threads=threads, MEDPORTAL_QUEUE=queue)
        self.say(f"Started: {', '.join(child.name for child in self.children)}")

    def _add(self, name: str, arguments: list[str], *, threads: int, again: bool = True, **more: str) -> Child:
        """Start a Python child."""
        libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
        # No child needs the first password.
        inherited = {key: value for key, value in self.environment.items() if key != "MEDPORTAL_ADMIN_PASSWORD"}
        environment = inherited | dict.fromkeys(libraries, str(threads)) | {"PYTHONUNBUFFERED": "1"} | more
        log = self.data_dir / "logs" / f"{name}.log"
        command = [sys.executable, *arguments]
        child = Child(name, command, folder=ROOT, log=log, environment=environment, again=again)
        child.start()
        self.children.append(child)
        return child

    def _wait_until_ready(self) -> bool:
        """Wait for `readyz`; a site that is not ready in time goes on trying, and says so."""
        from django.conf import settings

        deadline, is_patient, missing = time.monotonic() + READY_WITHIN_S, True, ""
        while not self.is_told_to_end:
            is_ready, missing = _ask_readyz(self.address, settings.ALLOWED_HOSTS)
            if is_ready:
                self.say("Ready")
                return True
            if is_patient and time.monotonic() > deadline:
                is_patient = False
                self.say(f"Not ready after {READY_WITHIN_S:.0f} s ({missing}); see {self.data_dir / 'logs'}")
            self._tend()
            time.sleep(0.2)
        return False

    def _greet(self, made_up: str) -> None:
        if made_up:
            told = f"password {made_up} (kept in {self._password_file})"
        elif self.environment.get("MEDPORTAL_ADMIN_PASSWORD"):
            told = "the password that MEDPORTAL_ADMIN_PASSWORD sets"
        elif self._password_file.exists():
            told = f"their first password is in {self._password_file}"
        else:
            told = "with the passwords that they have"
        self.say(f"medportal is at {self.address.url}")
        self.say(f"Accounts: demo (manager of team demo), admin (site administrator); {told}")

    def _start_demo(self) -> None:
        """Have the demo made once, while the site serves already."""
        from django.core.management import get_commands

        wanted = self.environment.get("MEDPORTAL_DEMO", "1").lower() not in {"0", "false", "no"}
        if wanted and not self._demo_mark.exists() and "demo" in get_commands():
            self._add("demo", ["manage.py", "demo"], threads=1, again=False)
            self.say(f"Demo: its studies are being made, then its model is trained (see {self.data_dir / 'logs'})")

    @property
    def _demo_mark(self) -> Path:
        return self.data_dir / "run" / "demo.done"

    def _tend(self) -> None:
        """Start again what died, and note the end of the demo."""
        for child in [*filter(None, [self.broker]), *self.children]:
            child.tend(self.say)
        demo = next((child for child in self.children if child.name == "demo"), None)
        if demo is not None and demo.exit_code is not None:
            self.children.remove(demo)
            if demo.exit_code == 0:
                self._demo_mark.touch()
                self.say("Demo: the studies are there, and the training is queued")
            else:
                self.say(f"Demo: failed ({demo.how_it_ended()}): {demo.last_words()}")

    def _end(self) -> None:
        """End every child: the broker last, since the others still speak to it."""
        if self.children:
            self.say("Ending")
        end_all(self.children, GRACE_S)
        if self.broker is not None:
            end_all([self.broker], GRACE_S)
            (self.data_dir / "run" / "broker.url").unlink(missing_ok=True)


def _migrate() -> int:
    """Take the database's missing steps; returns how many there were."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        call_command("migrate", verbosity=0, interactive=False)
    return len(plan)


def _web_arguments(address: Address, environment: dict[str, str]) -> list[str]:
    """Return the command line of the web server. Access logs would name studies; the audit trail has what is needed."""
    server = ["-m", "uvicorn", "medportal.config.asgi:application", "--host", address.host, "--port", str(address.port)]
    wiring = ["--ws", "websockets-sansio", "--http", "httptools", "--loop", "uvloop", "--ws-max-size", "65536"]
    # Pieces come deflated already: deflating each frame again made four viewers ten times slower.
    wiring += ["--ws-per-message-deflate", "false"]
    # Whoever sends X-Forwarded-For is believed only where the proxy's address has been named.
    proxy = ["--proxy-headers"] if environment.get("FORWARDED_ALLOW_IPS") else ["--no-proxy-headers"]
    quiet = ["--no-access-log", "--no-server-header", "--log-level", "warning", "--timeout-graceful-shutdown", "5"]
    return [*server, *wiring, *proxy, *quiet]


def _ask_readyz(address: Address, allowed_hosts: list[str]) -> tuple[bool, str]:
    """Ask the site whether it is ready; returns (is ready, what is missing)."""
    name = next((host.lstrip(".") for host in allowed_hosts if host != "*"), address.reached_by)
    request = urllib.request.Request(f"{address.url}/readyz", headers={"Host": name})  # noqa: S310 - our own address
    # The environment's proxy is for other sites.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return answer.status == 200, ""
    except urllib.error.HTTPError as error:
        return False, _missing(error.read())
    except OSError:
        return False, "web does not answer"


def _missing(body: bytes) -> str:
    """List what `readyz` says is not there."""
    try:
        parts: dict[str, Any] = json.loads(body)
    except ValueError:
        return "web answers with an error"
    lacking = [name for name, is_there in parts.items() if is_there is False]
    lacking += [f"worker {name}" for name, is_there in parts.get("workers", {}).items() if not is_there]
    return "missing: " + ", ".join(lacking)


if __name__ == "__main__":
    sys.exit(main())
