"""The emulator as a whole: an engine, the web application, and the port on which it is served."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, NoReturn

from emulator.core.contract import HOST, SERVICE_PATH
from emulator.core.engine import Engine
from emulator.core.journal import Exchange, JournalLimits, Refusal
from emulator.core.rules import Scenario
from emulator.core.waiting import STOPPED, verify_within
from emulator.errors import EmulatorError, Problem, ScenarioError, StartError, on_purpose
from emulator.fluent import Conditions, Rescue, RuleData, RuleWords, describe_unused
from emulator.network import is_public
from emulator.process import monkey_patched
from emulator.scenario.files import DEFAULT_SCENARIO, ScenarioFolder, default_scenario
from emulator.scenario.loading import from_data, load, rule_from_data
from emulator.scenario.suggestions import kind_of
from emulator.server import HttpLimits
from emulator.server.server import HttpServer
from emulator.server.tls import Certificate
from emulator.web.app import Application
from emulator.web.spaces import SPACE_IDLE, Settings

if TYPE_CHECKING:
    from typing_extensions import Never, Unpack

__tracebackhide__ = on_purpose

ScenarioLike = Scenario | Mapping[str, object] | str | os.PathLike[str] | None
"""A scenario, a dict in the scenario language, or the path of a file; None for the shipped default."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve.

    Several hosts, and all addresses of each, share one port; ``*`` is the whole machine. ``port`` 0 is any free one; of
    several ports the first free one is taken. ``max_delay`` limits every delay of an answer, in seconds.
    ``public_url`` is the address that clients use, if it is not the server's own. The journal keeps ``journal_size``
    entries and ``journal_bytes`` bytes of messages. ``control`` False turns the control API off; on a host that other
    machines can reach it requires ``control_token``. A space ends ``space_idle`` seconds after its last request. With a
    ``certificate``, a ``MadeCertificate`` or ``CertificateFiles``, the server speaks TLS. ``limits`` are for clients.
    With a ``seed``, a whole number, random delays and chances are the same again in each run, and after each reset.
    """

    host: str | Sequence[str] = "127.0.0.1"
    port: int | Sequence[int] = 0
    public_url: str | None = None
    max_delay: float = 300.0
    journal_size: int = JournalLimits().entries
    journal_bytes: int = JournalLimits().size
    control: bool = True
    control_token: str | None = field(default=None, repr=False)
    show_auth_codes: bool = False
    space_idle: float = SPACE_IDLE
    certificate: Certificate | None = None
    limits: HttpLimits = field(default_factory=HttpLimits)
    seed: int | None = None

    @property
    def is_exposed(self) -> bool:
        """True if other machines can reach one of the hosts."""
        return any(is_public(host) for host in ([self.host] if isinstance(self.host, str) else self.host))

    def settings(self) -> Settings:
        """Return the options of the web application."""
        return Settings(
            public_url=self.public_url,
            control=self.control,
            control_token=self.control_token,
            exposed=self.is_exposed,
            show_auth_codes=self.show_auth_codes,
            max_delay=self.max_delay,
            journal=JournalLimits(self.journal_size, self.journal_bytes),
            space_idle=self.space_idle,
            seed=self.seed,
        )


class Emulator(Rescue):
    """An emulator on a port of its own, served from a thread until it is stopped.

    ``Emulator.start(...)`` serves at once, and a ``with`` statement stops it at its end. ScenarioError if the scenario
    is missing or wrong, StartError if the port is not available. ``file`` is the file of a scenario that was loaded
    already; with ``watch`` its later edits are loaded.
    """

    def __init__(
        self,
        scenario: ScenarioLike = None,
        options: Options | None = None,
        *,
        file: Path | None = None,
        watch: bool = False,
    ) -> None:
        patched = monkey_patched()
        if patched is not None:
            raise StartError(
                f"{patched} has patched this process, and a server thread would hang in it: run 'rescue-emulator "
                "serve' in a process of its own, and use RemoteEmulator(url) here, or pytest --rescue-url URL"
            )
        options = Options() if options is None else options
        if not isinstance(options, Options):
            raise StartError(f"the options must be Options(...), not {kind_of(options)}")
        settings = options.settings()
        self._process = os.getpid()
        self._engine = Engine(
            load_scenario(scenario), settings.seed, limits=settings.journal, max_delay=settings.max_delay
        )
        file = file or _file_of(scenario)
        folder = ScenarioFolder(file, self._engine) if file else None
        self._watcher = folder if watch else None
        application = Application(
            self._engine, settings, health_problem=self._health_problem, files=folder, catch_up=self._catch_up
        )
        self._server = HttpServer(
            application,
            host=options.host,
            port=options.port,
            max_delay=options.max_delay,
            certificate=options.certificate,
            certificate_names=("localhost", HOST),
            limits=options.limits,
            on_malformed=application.record_malformed,
            on_begin=application.begin,
        )
        self._is_serving = self._is_stopped = False

    @classmethod
    def start(cls, scenario: ScenarioLike = None, options: Options | None = None) -> Emulator:
        """Serve a scenario, by default the shipped one; return once the first call can be answered."""
        return cls(scenario, options).__enter__()

    @property
    def url(self) -> str:
        return self._server.origin + SERVICE_PATH

    @property
    def ca_file(self) -> Path | None:
        """The CA certificate for clients, if one was made; a temporary file is removed at the stop."""
        return self._server.ca_file

    def when(self, *given: Never, **words: Unpack[RuleWords]) -> Conditions:
        self._check_process()
        return super().when(*given, **words)

    def add_rule(self, rule: RuleData) -> int:
        return self.engine.add_rule(rule_from_data(rule))

    def change_rule(self, rule_id: int, rule: RuleData) -> bool:
        return self.engine.change_rule(rule_id, rule_from_data(rule))

    def remove_rule(self, rule_id: int) -> bool:
        return self.engine.remove_rule(rule_id)

    @property
    def calls(self) -> tuple[Exchange, ...]:
        return self.engine.snapshot().exchanges

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return self.engine.snapshot().refusals

    def verification(self, data: Mapping[str, object]) -> tuple[bool, str]:
        self._check_process()
        from emulator.scenario.control_models import parse_verification  # serving alone does not need these models

        found = verify_within(self.engine, parse_verification(data), monotonic)
        return found.verified, found.text

    def rule_hits(self, rule_id: int) -> int | None:
        return next((each.hits for each in self.engine.rules() if each.id == rule_id), None)

    def unused_rules(self) -> tuple[str, ...]:
        unused = (each.rule for each in self.engine.rules() if each.id is not None and not each.hits)
        return tuple(describe_unused(str(rule), rule.percentage) for rule in unused)

    def use(self, scenario: ScenarioLike) -> None:
        self.engine.replace(load_scenario(scenario, self.scenario_folder))

    def reset(self, scenario: Scenario | None = None) -> None:
        """Clear journal, counters, desk changes and runtime rules; the scenario stays unless another one is given.

        A request whose first byte has come by now belongs to what was before, whenever it is complete.
        """
        engine = self.engine
        self._catch_up()
        engine.reset(scenario)

    def stop(self) -> None:
        """Stop serving; return once the port is free. What has come can still be read and verified."""
        self._check_process()
        self.engine.close(STOPPED)
        if self._watcher and self._is_serving:
            self._watcher.stop()
        self._is_serving, self._is_stopped = False, True
        self._server.stop()

    def restart(self) -> None:
        """Serve again after ``stop``, at the same URL and with the same rules and journal; else do nothing.

        StartError if the port was taken meanwhile.
        """
        self._check_process()
        if self._is_stopped:
            self._server.restart()
            self.engine.reopen()
            if self._watcher:
                self._watcher.start()
            self._is_serving, self._is_stopped = True, False

    def __enter__(self) -> Emulator:
        self._check_process()
        if self._is_stopped:
            raise StartError("this emulator was stopped and has no port any more: start another one")
        if not self._is_serving:
            self._server.start()
            self._is_serving = True
            if self._watcher:
                self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        if os.getpid() == self._process:  # a forked child leaves the block, too
            self.stop()

    def __reduce__(self) -> NoReturn:
        raise EmulatorError(f"an emulator cannot be sent to another process: {self._elsewhere}")

    def run(self, ready: Callable[[], None]) -> None:
        """Serve in the foreground until SIGTERM or Ctrl-C; call ``ready`` once the first call can be answered."""
        self._check_process()
        if self._watcher:
            self._watcher.start()
        try:
            self._server.run(ready)
        finally:
            if self._watcher:
                self._watcher.stop()

    @property
    def engine(self) -> Engine:
        self._check_process()
        return self._engine

    def _check_process(self) -> None:
        """Raise EmulatorError in a forked child: it has no server, and copies of journal, rules and held locks."""
        if os.getpid() != self._process:
            raise EmulatorError(
                f"this emulator runs in process {self._process}, from which this one was forked: {self._elsewhere}"
            )

    @property
    def _elsewhere(self) -> str:
        return f"use RemoteEmulator(rescue.url) here, where rescue.url is {self.url}"

    def _catch_up(self) -> None:
        self._server.catch_up()

    def _health_problem(self) -> str | None:
        if self._watcher is None:
            return None
        if self._watcher.died is not None:
            return f"the watcher died: {self._watcher.died}; edits are no longer loaded, so start the emulator again"
        error = self._watcher.error
        return f"the last edit of the scenario was refused, and the rules before it stay:\n{error}" if error else None


def _file_of(scenario: ScenarioLike) -> Path | None:
    if scenario is None:
        return DEFAULT_SCENARIO
    return Path(scenario) if isinstance(scenario, str | os.PathLike) else None


def load_scenario(scenario: ScenarioLike, folder: Path | None = None) -> Scenario:
    """Return the scenario; ScenarioError if it is missing or wrong. A relative path counts from the folder."""
    match scenario:
        case None:
            return default_scenario()
        case Scenario():
            return scenario
        case Mapping():
            return from_data(dict(scenario), "scenario")
        case str() | os.PathLike():
            return load(scenario, folder)
    given = type(scenario).__name__
    raise ScenarioError([Problem("scenario", 0, 0, f"has to be a path, a dict or a Scenario, not {given}")])
