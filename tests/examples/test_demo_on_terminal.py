"""The demo on a terminal, where the worker draws its progress."""

from __future__ import annotations

import codecs
import os
import pty
import re
import signal
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browsing import NewPage, TakeScreenshot
    from tests.examples.project import Project

COLUMNS, LINES = 104, 40
TERMINAL = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(LINES), "COLORTERM": "truecolor"}
ERASED_LINE = "\x1b[2K"
"""What rich writes to wipe the picture before it draws the next one."""

PAGE = (
    "<html><body style='margin: 0; background: {background}; color: {foreground}'>"
    "<pre style='display: inline-block; margin: 0; padding: 1em; font: 14px/1.3 monospace'>{code}</pre></body></html>"
)


def pictures(terminal: int) -> Iterator[str]:
    """Yield what is drawn on the terminal, each picture once the next one wipes it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    output = ""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # the last program on the terminal has ended
            return
        output += decoder.decode(chunk)
        *complete, output = output.split(ERASED_LINE)
        yield from (picture.replace("\r\n", "\n") for picture in complete)


def test_the_progress_is_drawn_while_the_jobs_run(
    project: Project, new_page: NewPage, take_screenshot: TakeScreenshot
) -> None:
    controller, terminal = pty.openpty()
    try:
        with project.start("demo.py", stdout=terminal, env=TERMINAL) as process:
            os.close(terminal)
            for picture in pictures(controller):
                text = Text.from_ansi(picture).plain
                ended = re.search(r"(\d+) of \d+ ended", text)
                if ended is not None and int(ended[1]) >= 30 and "Retrying" in text and "✗" in text and "✓" in text:
                    break
            process.send_signal(signal.SIGINT)
            for _rest in pictures(controller):
                pass
            assert process.stderr is not None
            assert process.stderr.read() == ""
        assert process.returncode == 130
    finally:
        os.close(controller)
    assert re.search(r"^Queue default · \S+ · \d+ s$", text, re.MULTILINE)
    assert re.search(r"Completed: \d+ .*Failed: \d+", text)
    assert re.search(r"^↻ .*: attempt \d failed, next in \d\.\d s: ", text, re.MULTILINE)
    console = Console(record=True, file=StringIO(), width=COLUMNS, force_terminal=True)
    console.print("$ make demo\n", style="bold", highlight=False)
    console.print(Text.from_ansi(picture))
    window = new_page("about:blank", width=960, height=400)
    window.set_content(console.export_html(theme=DIMMED_MONOKAI, code_format=PAGE, inline_styles=True))
    assert window.locator("pre").inner_text().startswith("$ make demo")
    size = window.locator("pre").bounding_box()
    assert size is not None
    window.set_viewport_size({"width": round(size["width"]), "height": round(size["height"])})
    take_screenshot(window, "demo")
