"""Work that would hold up the keyboard: done in a thread, its result told on the UI thread, errors in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from llmcmp.errors import LlmcmpError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App
    from textual.dom import DOMNode

T = TypeVar("T")


def app_of(node: DOMNode) -> App[None]:
    """The app that a widget or screen is in."""
    return cast("App[None]", node.app)  # pyright: ignore[reportUnknownMemberType]


def dark(node: DOMNode) -> bool:
    """Whether the theme has a dark ground."""
    return app_of(node).current_theme.dark


def aside(
    node: DOMNode, work: Callable[[], T], done: Callable[[T], Any], failed: Callable[[str], Any], group: str
) -> None:
    """Run `work` in a thread, then `done` with its result, or `failed` with one line, on the UI thread.

    A second call in the same group of the same widget drops what the first would have said.
    """
    app = app_of(node)

    def run() -> None:
        try:
            result = work()
        except LlmcmpError as error:
            report(failed, str(error))
        else:
            report(done, result)

    def report(say: Callable[[Any], Any], what: Any) -> None:
        if not worker.is_cancelled and app.is_running:
            app.call_from_thread(lambda: say(what) if not worker.is_cancelled and node.is_attached else None)

    worker = node.run_worker(run, thread=True, exclusive=True, group=group)
