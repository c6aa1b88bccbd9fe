"""The emulator: an engine, the application that asks it, and the port on which that is served."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from emulator.core.contract import SERVICE_PATH
from emulator.core.engine import Engine
from emulator.core.explain import verify
from emulator.core.journal import Exchange, JournalLimits, Refusal
from emulator.core.rules import Scenario
from emulator.errors import Problem, ScenarioError, StartError, VerificationError, on_purpose
from emulator.fluent import Conditions, RuleData, asked_of, beginning
from emulator.network import reaches_beyond
from emulator.scenario import from_data, load, rule_from_data
from emulator.scenario.files import DEFAULT_SCENARIO, Folder, Watcher, default_scenario
from emulator.server.limits import HttpLimits
from emulator.server.server import Serving
from emulator.server.tls import Certificate
from emulator.web.app import Application
from emulator.web.settings import SPACE_IDLE, Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from emulator.fluent import RuleWords, VerifyWords


__tracebackhide__ = on_purpose

ScenarioLike = Scenario | Mapping[str, object] | str | os.PathLike[str] | None
"""A scenario, its words in a dict, the path of its file; None for the shipped default."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve.

    ``port`` 0 takes any free one; ``max_delay`` bounds every wait of an answer, in seconds; ``public_url`` is where
    clients reach it, when not at its own address. The journal keeps ``journal_size`` entries and ``journal_bytes``
    bytes of requests and answers. Without ``control`` there is no control API; beyond loopback it needs
    ``control_token``. A space ends ``space_idle`` seconds after its last request. With a ``certificate``, a
    ``MadeCertificate`` or ``CertificateFiles``, it is served over TLS. ``limits`` bound what a client may send, and
    for how long.
    """

    host: str = "127.0.0.1"
    port: int = 0
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

    @property
    def settings(self) -> Settings:
        """What of it the application has to know."""
        return Settings(
            public_url=self.public_url,
            control=self.control,
            control_token=self.control_token,
            exposed=reaches_beyond(self.host),
            show_auth_codes=self.show_auth_codes,
            journal=JournalLimits(self.journal_size, self.journal_bytes),
            space_idle=self.space_idle,
        )


class Emulator:
    """One emulator with a port of its own, which it serves from a thread until it is stopped.

    ``Emulator.start(...)`` serves at once; ``with`` stops it at the end. ScenarioError when the scenario is missing or
    wrong, StartError when the port cannot be had. ``file`` is where the scenario came from, when it was read already;
    with ``watch`` its later edits are taken over.
    """

    def __init__(
        self,
        scenario: ScenarioLike = None,
        options: Options | None = None,
        *,
        file: Path | None = None,
        watch: bool = False,
    ) -> None:
        options = options or Options()
        settings = options.settings
        self.engine = Engine(loaded(scenario), limits=settings.journal)
        file = file or file_of(scenario)
        self._watcher = Watcher(file, self.engine) if file and watch else None
        folder = Folder(file, self.engine, self._watcher) if file else None
        application = Application(self.engine, settings, trouble=self._trouble, files=folder)
        self._serving = Serving(
            application,
            host=options.host,
            port=options.port,
            max_delay=options.max_delay,
            takes_long=application.takes_long,
            certificate=options.certificate,
            limits=options.limits,
        )
        self._served = self._ended = False

    @classmethod
    def start(cls, scenario: ScenarioLike = None, options: Options | None = None) -> Emulator:
        """Serves a scenario, the shipped default when none is given; returns once the first call can be answered."""
        emulator = cls(scenario, options)
        emulator._begin()
        return emulator

    @property
    def url(self) -> str:
        """The address of the service, with the port that was found: ``http://127.0.0.1:PORT/API/API.asmx``."""
        return self._serving.origin + SERVICE_PATH

    @property
    def wsdl_url(self) -> str:
        """The address of the WSDL."""
        return f"{self.url}?wsdl"

    @property
    def ca_file(self) -> Path | None:
        """The CA certificate that clients are to trust, when one was made; it is there until the emulator stops."""
        return self._serving.ca

    def when(self, **words: Unpack[RuleWords]) -> Conditions:
        """Begins a rule that comes before all others, with the words of a rule in a file.

        ``rescue.when(session=1001).returns("startSessionRet_OK")``; ScenarioError at once for a word that is wrong.
        """
        return beginning(self, words)

    def add_rule(self, rule: RuleData) -> int:
        """Put a rule, as a file says it, before all others; the id by which it can be changed or removed."""
        return self.engine.add_rule(rule_from_data(rule))

    def change_rule(self, rule_id: int, rule: RuleData) -> bool:
        """Put a rule in the place of one that was added; False when there is none."""
        return self.engine.change_rule(rule_id, rule_from_data(rule))

    def remove_rule(self, rule_id: int) -> bool:
        """Take out a rule that was added; False when there is none."""
        return self.engine.remove_rule(rule_id)

    @property
    def calls(self) -> tuple[Exchange, ...]:
        """The calls in the journal with their answers, the oldest first."""
        return self.engine.snapshot().exchanges

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The requests in the journal that never became calls, the oldest first."""
        return self.engine.snapshot().refusals

    def verify(self, **words: Unpack[VerifyWords]) -> None:
        """VerificationError, an AssertionError, unless calls came as often as they should: at least once by default.

        ``rescue.verify(session=1001, times=1)``; the error shows what came instead.
        """
        from emulator.scenario.control_models import parse_verification  # models that serving alone does without

        when, times, after = parse_verification(asked_of(words))
        found = verify(self.engine.snapshot(), when, times, after=after)
        if not found.verified:
            raise VerificationError(found.text)

    def use(self, scenario: ScenarioLike) -> None:
        """Put another scenario in force from the next call on; runtime rules stay before it."""
        self.engine.replace(loaded(scenario))

    def reset(self) -> None:
        """Forget the journal, counters, what happened at the desk, and runtime rules; the scenario stays."""
        self.engine.reset()

    def stop(self) -> None:
        """Ends the serving; returns once the port is free."""
        if self._watcher and self._served:
            self._watcher.stop()
        self._served, self._ended = False, True
        self._serving.stop()

    def __enter__(self) -> Emulator:
        """Serves, if it does not yet; returns once the first request can be answered."""
        if not self._served:
            self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it; returns once the port is free."""
        self.stop()

    def run(self, ready: Callable[[], None]) -> None:
        """Serves in the foreground until SIGTERM or Ctrl-C, and calls ``ready`` once it does."""
        if self._watcher:
            self._watcher.start()
        try:
            self._serving.run(ready)
        finally:
            if self._watcher:
                self._watcher.stop()

    def _begin(self) -> None:
        if self._ended:
            raise StartError("this emulator was stopped, and its port is gone: start another one")
        self._serving.start()
        self._served = True
        if self._watcher:
            self._watcher.start()

    def _trouble(self) -> str | None:
        """Why the emulator is not healthy: the last edit of the watched file is not in force."""
        refused = self._watcher and self._watcher.refused
        return (
            f"the last edit of the scenario is refused, and the rules before it stay:\n{refused}" if refused else None
        )


def file_of(scenario: ScenarioLike) -> Path | None:
    """The file that is meant; None when what is meant is no file."""
    match scenario:
        case None:
            return DEFAULT_SCENARIO
        case Scenario() | Mapping():
            return None
        case str() | os.PathLike():
            return Path(scenario)
    return None


def loaded(scenario: ScenarioLike) -> Scenario:
    """The scenario that is meant; ScenarioError when it is missing or wrong."""
    match scenario:
        case None:
            return default_scenario()
        case Scenario():
            return scenario
        case Mapping():
            return from_data(dict(scenario), "scenario")
        case str() | os.PathLike():
            return load(scenario)
    given = type(scenario).__name__
    raise ScenarioError([Problem("scenario", 0, 0, f"a path, a dict or a Scenario is wanted, not {given}")])
