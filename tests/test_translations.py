"""The Chinese edition says what the English one does: the same commands and outputs, images, sections and links."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import llmcmp
from llmcmp.sources.names import preset_files

ROOT = Path(__file__).parent.parent


def _generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_translations", ROOT / "docs/generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generate()
PAIRS: dict[Path, Path] = generate.translations()
CHINESE = [ROOT / "README.zh-CN.md", *sorted((ROOT / "docs/zh").rglob("*.md"))]
HAN = "\u4e00-\u9fff"


def _blocks(path: Path) -> list[str]:
    return [block[0] for block in generate.FENCED.finditer(path.read_text("utf-8"))]


def _prose(path: Path) -> str:
    return generate.FENCED.sub("", path.read_text("utf-8"))


def _links(path: Path, begin: str = r"(?<!!)") -> list[Path]:
    targets = re.findall(begin + r"\[[^]]*\]\(([^)#:]+)(?:#[^)]*)?\)", _prose(path))
    return [(path.parent / target).resolve() for target in targets]


pairs = pytest.mark.parametrize(
    ("english", "chinese"), PAIRS.items(), ids=[path.relative_to(ROOT).as_posix() for path in PAIRS]
)
pages = pytest.mark.parametrize("chinese", CHINESE, ids=lambda path: path.relative_to(ROOT).as_posix())


def test_every_guide_has_a_chinese_page_and_every_chinese_page_its_guide() -> None:
    assert set(PAIRS.values()) == set(CHINESE)
    assert set((ROOT / "docs/guides").glob("*.md")) | {ROOT / "docs/index.md", ROOT / "docs/tour.md"} < set(PAIRS)


@pairs
def test_blocks_are_those_of_the_english_page(english: Path, chinese: Path) -> None:
    assert _blocks(chinese) == _blocks(english)


@pairs
def test_images_are_those_of_the_english_page(english: Path, chinese: Path) -> None:
    assert _links(chinese, "!") == _links(english, "!")
    assert all(image.is_file() for image in _links(chinese, "!"))


@pairs
def test_sections_are_those_of_the_english_page(english: Path, chinese: Path) -> None:
    levels = re.compile(r"^#+(?= )", re.MULTILINE)
    assert levels.findall(_prose(chinese)) == levels.findall(_prose(english))


@pairs
def test_no_option_command_or_key_of_the_english_text_is_lost(english: Path, chinese: Path) -> None:
    code = re.compile(r"`[^`]+`")
    assert set(code.findall(_prose(english))) <= set(code.findall(_prose(chinese)))


@pairs
def test_links_lead_to_the_same_places_in_chinese_where_there_is_such_a_page(english: Path, chinese: Path) -> None:
    editions = {english, chinese}  # the two link to each other
    expected = [PAIRS.get(target, target) for target in _links(english) if target not in editions]
    assert [target for target in _links(chinese) if target not in editions] == expected
    assert all(target.is_file() for target in _links(chinese))


def test_the_two_editions_lead_to_each_other() -> None:
    for english in (ROOT / "README.md", ROOT / "docs/index.md"):
        assert PAIRS[english] in _links(english) and english in _links(PAIRS[english])


@pages
def test_chinese_stands_apart_from_latin_and_has_punctuation_of_its_own(chinese: Path) -> None:
    text = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]+`", "x", _prose(chinese)))
    assert re.findall(rf"[{HAN}][A-Za-z0-9]|[A-Za-z0-9%][{HAN}]|[{HAN}][,;:?!()]|[,;:()][{HAN}]", text) == []
    assert not re.search(rf"[{HAN}]\n[{HAN}]", text), "a break within a paragraph shows as a space"


def test_the_chinese_readme_counts_the_presets() -> None:
    disclosed = sum(llmcmp.load(name).disclosed for name in preset_files())
    text = _prose(ROOT / "README.zh-CN.md")
    assert f"内置 {len(preset_files())} 个模型" in text and f"其中 {disclosed} 个的架构是公开的" in text


def test_outputs_are_carried_over_and_other_commands_are_left_to_a_translator() -> None:
    english = "One\n```console\n$ llmcmp list\nnew\n```\nTwo\n```toml\nb = 2\n```\n"
    chinese = "一\n```console\n$ llmcmp list\nold\n```\n二\n```toml\nb = 1\n```\n"
    assert generate.carried(english, chinese) == english.replace("One", "一").replace("Two", "二")
    assert generate.carried(english.replace("list", "list --all"), chinese) == chinese
    assert generate.carried(english + "```sh\nls\n```\n", chinese) == chinese


def test_a_page_without_its_blocks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md").write_text("```sh\nls\n```\n", "utf-8")
    (tmp_path / "b.md").write_text("", "utf-8")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    for other in ("b.md", "missing.md"):
        monkeypatch.setattr(generate, "translations", lambda other=other: {tmp_path / "a.md": tmp_path / other})
        assert generate.untranslated() == [f"{other}: its commands and blocks are not those of a.md"]


def test_search_takes_each_chinese_character_for_a_word_and_leaves_latin_words_whole() -> None:
    found = re.search(r"separator: '(.*)'", (ROOT / "mkdocs.yml").read_text("utf-8"))
    assert found
    words = [word for word in re.split(found[1], "预填充，KV cache 与top-k") if word]
    assert words == ["预", "填", "充", "KV", "cache", "与", "top", "k"]
    # The theme joins what it makes of a Chinese question with stars; a star left in a word would be looked for.
    assert [word for word in re.split(found[1], "预* 填") if word] == ["预", "填"]


def test_chinese_pages_of_the_site_say_so_and_lead_to_their_english_page(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for name, language, other in (
        ("zh/guides/choose.html", "zh", "../../guides/choose.html"),
        ("guides/choose.html", "en", "../zh/guides/choose.html"),
        ("concepts/claims.html", "en", "../zh/index.html"),
    ):
        page = (tmp_path / name).read_text("utf-8")
        assert f'<html lang="{language}"' in page
        assert f'<a href="{other}" hreflang="' in page
        assert ('placeholder="搜索"' in page) == (language == "zh")
