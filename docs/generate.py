"""The reference pages and every output in the guides, made from the program itself.

`python docs/generate.py` writes what has changed; `--check` only names it, and ends with exit code 1. Tests check too.
A `console` block holds one command and what it prints; a line `…` in it stands for lines left out. A code
block with a title is a file that the commands after it find. The blocks of a page run one
after the other in one empty folder. A page in Chinese has the blocks of its English page, which are carried over.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BLOCK = re.compile(
    r'^```(?:console\n\$ (?P<command>[^\n]+)\n(?P<shown>.*?)|\w+ title="(?P<file>[^"]+)"\n(?P<text>.*?))```$',
    re.DOTALL | re.MULTILINE,
)
FENCED = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<command>\$ [^\n]+)?.*?^```$", re.DOTALL | re.MULTILINE)
NOTICE = "<!-- Made by docs/generate.py; change the program, not this page. -->\n"
# Panels whose commands measure this machine: what they print is another each time.
MEASURING = "Measure"
WIDTH = 80  # columns of the outputs in the guides


def environment(home: Path) -> dict[str, str]:
    """Settings of nobody: the defaults of the program, no colour, folders that are empty."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LLMCMP_", "XDG_"))}
    for name in ("COLUMNS", "FORCE_COLOR"):
        kept.pop(name, None)
    folders = {f"XDG_{kind}_HOME": str(home / f".{kind.lower()}") for kind in ("CONFIG", "CACHE", "DATA")}
    search = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    plain = {"NO_COLOR": "1", "LLMCMP_WIDTH": str(WIDTH), "PYTHONUTF8": "1"}
    return kept | folders | plain | {"HOME": str(home), "PYTHONPATH": search}


def printed(command: str, folder: Path) -> str:
    """What a command prints in a folder, its notes too; an error is an output as well."""
    words = shlex.split(command)
    assert words[0] == "llmcmp", command
    run = subprocess.run(
        [sys.executable, "-m", "llmcmp", *words[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env=environment(folder / "home"),
        check=False,
    )
    if run.returncode not in (0, 1, 3) or "Traceback" in run.stdout:
        raise SystemExit(f"{command}\n{run.stdout}")
    return run.stdout.rstrip("\n").replace(str(folder / "home"), "~")


def guides() -> list[Path]:
    """The pages that people wrote in English."""
    others = {DOCS / "reference", DOCS / "zh"}
    return sorted(path for path in DOCS.rglob("*.md") if others.isdisjoint(path.parents))


def translations() -> dict[Path, Path]:
    """Each English page that has a Chinese edition, and where that is: README, start, tour and guides."""
    pages = (path for path in guides() if path.parent in (DOCS, DOCS / "guides"))
    return {ROOT / "README.md": ROOT / "README.zh-CN.md"} | {
        path: DOCS / "zh" / path.relative_to(DOCS) for path in pages
    }


def outline(text: str) -> list[str]:
    """The kind of each block of a page, and the command of those that have one."""
    return [f"{block['kind']} {block['command'] or ''}".strip() for block in FENCED.finditer(text)]


def carried(text: str, translation: str) -> str:
    """A translation with the blocks of its original; as it is while it has others, which only a translator can mend."""
    if outline(text) != outline(translation):
        return translation
    blocks = FENCED.finditer(text)
    return FENCED.sub(lambda _: next(blocks)[0], translation)


def untranslated() -> list[str]:
    """The pages in Chinese that are missing, or have other blocks than their English page."""
    return [
        f"{chinese.relative_to(ROOT)}: its commands and blocks are not those of {english.relative_to(ROOT)}"
        for english, chinese in translations().items()
        if not chinese.is_file() or outline(english.read_text("utf-8")) != outline(chinese.read_text("utf-8"))
    ]


def refreshed(text: str) -> str:
    """A page with its outputs as the program prints them now."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return BLOCK.sub(lambda block: _refreshed(block, folder), text)


def _refreshed(block: re.Match[str], folder: Path) -> str:
    if block["file"]:
        (folder / block["file"]).write_text(block["text"], "utf-8")
        return block[0]
    now = printed(block["command"], folder)
    if now.startswith("error: ") != block["shown"].startswith("error: "):
        raise SystemExit(f"{block['command']}\n{now}")
    if "…" in block["shown"].split("\n"):
        if holds(now, block["shown"]):
            return block[0]
        now = shortened(now, block["shown"])
    return f"```console\n$ {block['command']}\n{now}{now and chr(10)}```"


def shortened(text: str, shown: str) -> str:
    """As many lines of the beginning, and of the end, as `shown` has before its first `…` and behind its last."""
    lines, kept = text.split("\n"), shown.rstrip("\n").split("\n")
    begin, end = kept.index("…"), kept[::-1].index("…")
    return "\n".join((*lines[:begin], "…", *lines[len(lines) - end :]))


def holds(text: str, shown: str) -> bool:
    """Whether the parts of `shown` between its lines of `…` stand in the text, one after the other."""
    place = 0
    for part in re.split(r"^…$", shown, flags=re.MULTILINE):
        found = text.find(part.strip("\n"), place)
        if found < 0:
            return False
        place = found + len(part.strip("\n"))
    return True


def reference() -> dict[Path, str]:
    """Every page of the reference, by path."""
    from llmcmp.cli.app import COMMANDS

    folder = DOCS / "reference"
    pages = {folder / "cli.md": _index(), folder / "presets.md": _presets(), folder / "preset-files.md": _schema()}
    pages |= {folder / "defaults.md": _defaults()}
    for panel, commands in COMMANDS.items():
        for name, module in commands.items():
            pages[folder / "cli" / f"{name}.md"] = _command(name, module, panel)
    return {path: f"{text.rstrip()}\n\n{NOTICE}" for path, text in pages.items()}


def navigation(text: str) -> str:
    """mkdocs.yml with a line for each command."""
    from llmcmp.cli.app import COMMANDS

    names = [name for commands in COMMANDS.values() for name in commands]
    lines = "".join(f"          - {name}: reference/cli/{name}.md\n" for name in names)
    return re.sub(
        r"(# commands\n).*?( *# end of commands)", lambda found: found[1] + lines + found[2], text, flags=re.DOTALL
    )


def _index() -> str:
    from llmcmp.cli.app import COMMANDS
    from llmcmp.cli.command import summary

    parts = ["# Commands\n"]
    for panel, commands in COMMANDS.items():
        parts.append(f"\n## {panel}\n\n| command | what it does |\n|---|---|\n")
        parts += [f"| [`{name}`](cli/{name}.md) | {_cell(summary(module))} |\n" for name, module in commands.items()]
    parts.append(
        "\n## Exit codes\n\n| code | meaning |\n|---|---|\n| 0 | done |\n| 1 | a known error, in one line on stderr |\n"
    )
    parts.append(
        "| 2 | wrong usage |\n| 3 | the question is well put, and nothing fits |\n| 130 | stopped by Ctrl-C |\n"
    )
    parts.append("\nThe answer goes to stdout, everything else to stderr. `LLMCMP_DEBUG=1` shows tracebacks.\n")
    return "".join(parts)


def _command(name: str, module: str, panel: str) -> str:
    import typer

    from llmcmp.cli.command import command
    from llmcmp.cli.manual import manual

    made: Any = command(name, module)
    page = manual(made, typer.Context(made, info_name=f"llmcmp {name}", help_option_names=["-h", "--help"]))
    parts = [f"# llmcmp {name}\n", *(f"\n{paragraph}\n" for paragraph in page.description)]
    parts.append(f"\n```text\n{page.usage}\n```\n\n## Examples\n\n")
    parts.append("```sh\n" + "".join(f"{example}\n" for example in page.examples) + "```\n")
    for title, entries in page.panels().items():
        parts.append(f"\n## {title}\n\n| name | value | what it does | default |\n|---|---|---|---|\n")
        for entry in entries:
            names = ", ".join(f"`{each}`" for each in entry.names.split(", "))
            parts.append(f"| {names} | {_cell(entry.value)} | {_cell(entry.help)} | {_code(entry.default)} |\n")
    if panel != MEASURING:
        parts += _keys(page.examples[0], made)
    return "".join(parts)


def _keys(example: str, command: Any) -> Iterator[str]:
    """The keys of a command's JSON document, as its first example has them."""
    if not any("--json" in param.opts for param in command.params):
        return
    table = _table(example)
    if table is None:
        return
    yield f"\n## JSON\n\n`{example} --json` prints one document: `command`, `settings`, `rows`.\n\n"
    if table.settings:
        yield f"Settings: {', '.join(f'`{key}`' for key in table.settings)}.\n\n"
    yield "| key of a row | what it is | unit |\n|---|---|---|\n"
    for column in table.columns:
        label = " · ".join(filter(None, (column.group, column.label.strip())))
        yield f"| `{column.key}` | {_cell(label)} | {column.unit} |\n"


def _table(example: str) -> Any:
    """The table whose document an example prints with --json."""
    from llmcmp.tables.table import Table

    seen: list[Any] = []
    document = Table.document

    def watched(self: Table) -> dict[str, Any]:
        seen.append(self)
        return document(self)

    Table.document = watched  # type: ignore[method-assign]
    try:
        _quietly(shlex.split(re.sub(r" -o \S+", "", example))[1:])
    finally:
        Table.document = document  # type: ignore[method-assign]
    return seen[-1] if seen else None


def _quietly(arguments: list[str]) -> None:
    """Call the program in an empty folder, and drop what it prints."""
    import io
    from contextlib import chdir, redirect_stderr, redirect_stdout

    from llmcmp.cli.app import main

    with tempfile.TemporaryDirectory() as name, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        kept, argv = dict(os.environ), sys.argv
        os.environ.clear()
        os.environ.update(environment(Path(name)))
        sys.argv = ["llmcmp", *arguments, "--json"]
        try:
            with chdir(name):
                main()
        except SystemExit:
            pass
        finally:
            os.environ.clear()
            os.environ.update(kept)
            sys.argv = argv


def _presets() -> str:
    from llmcmp.sources.names import aliases, preset_files
    from llmcmp.tables.listing import list_table

    table = list_table()
    columns = [
        column for column in table.columns if column.key not in ("family", "languages", "tasks") and not column.machine
    ]
    parts = [
        f"# Presets\n\n{len(table.rows)} models, family by family. `llmcmp show MODEL` prints the sources of each.\n"
    ]
    family = ""
    for row in table.rows:
        if row["family"] != family:
            family = row["family"]
            heading = " | ".join(column.label for column in columns)
            parts.append(f"\n## {family}\n\n| {heading} |\n|{'---|' * len(columns)}\n")
        parts.append(f"| {' | '.join(_cell(column.show(row)) for column in columns)} |\n")
    parts.append("\n## Other names\n\n| name | stands for |\n|---|---|\n")
    parts += [f"| `{alias}` | {name} |\n" for alias, name in aliases().items() if name in preset_files()]
    return "".join(parts)


def _schema() -> str:
    """presets/README.md, at home among the pages."""
    return (ROOT / "presets/README.md").read_text("utf-8")


def _defaults() -> str:
    from llmcmp.cli.command import bare
    from llmcmp.cli.defaults import ELSEWHERE, shared

    parts = [
        "# Defaults\n\nAn option that is given comes first, then the environment, then the file, then the program's "
        "own default. `llmcmp config path` prints where the file is; `LLMCMP_CONFIG` names another.\n\n"
        "| key of the file | variable | what it sets | default |\n|---|---|---|---|\n"
    ]
    for param in bare(shared).params:
        default = "" if param.default is None else str(param.default).lower()
        variable = "LLMCMP_" + param.name.upper()
        where = f"`{variable}`" + (" (folders parted as in `PATH`)" if param.name in ELSEWHERE else "")
        parts.append(f"| `{param.name}` | {where} | {_cell(param.help)} | {_code(default)} |\n")
    parts.append(
        "\nA table named after a command sets any option of that command, by its name:\n\n"
        '```toml\nctx = "32k"\nweights = "int8"\n\n[bench]\ndevice = "cpu"\n\n[list]\nlanguage = "zh"\n```\n\n'
        "Other variables: `LLMCMP_PRESETS` names folders with presets of your own, `LLMCMP_DEBUG=1` shows tracebacks, "
        "`NO_COLOR` forbids colour, `FORCE_COLOR` asks for it in a pipe, `PAGER` names the pager.\n"
    )
    return "".join(parts)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", ", ").replace("<", "&lt;").replace("*", "\\*")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def stale(*, outputs: bool = True) -> dict[Path, str]:
    """Every file that is not what it would be if it were made now, with what it would be."""
    os.environ.update({"LLMCMP_CONFIG": os.devnull, "XDG_CONFIG_HOME": os.devnull})
    os.environ.pop("LLMCMP_PRESETS", None)
    made = reference() | {ROOT / "mkdocs.yml": navigation((ROOT / "mkdocs.yml").read_text("utf-8"))}
    if outputs:
        made |= {path: refreshed(path.read_text("utf-8")) for path in guides()}
    for english, chinese in translations().items():
        if chinese.is_file():
            made[chinese] = carried(made.get(english) or english.read_text("utf-8"), chinese.read_text("utf-8"))
    changed = {path: text for path, text in made.items() if not path.is_file() or path.read_text("utf-8") != text}
    ours = {path for path in (DOCS / "reference").rglob("*.md") if NOTICE.strip() in path.read_text("utf-8")}
    left = ours - set(made)  # pages of commands that are gone
    return changed | dict.fromkeys(left, "")


def main() -> None:
    """Write what has changed, or with --check say what it is."""
    sys.path.insert(0, str(ROOT))
    changed = stale()
    for path, text in changed.items():
        print(path.relative_to(ROOT))
        if "--check" in sys.argv:
            continue
        if text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        else:
            path.unlink()
    if changed and "--check" in sys.argv:
        sys.exit("stale; write them anew: python docs/generate.py")
    if other := untranslated():
        sys.exit("\n".join(other))


if __name__ == "__main__":
    main()
