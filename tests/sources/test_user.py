"""Presets of the user's own: found by name like the others, never hidden by one another, never overwritten unasked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmcmp import files
from llmcmp.errors import ModelError, OutputError, PresetError, UnknownModelError
from llmcmp.sources import user
from llmcmp.sources.names import is_own, preset_files
from llmcmp.sources.presets import load, load_all, models
from llmcmp.sources.saving import place, save_preset, suggested
from llmcmp.sources.write import preset_text, renamed
from llmcmp.tables.listing import list_table


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder, not there yet."""
    folder = tmp_path / "own" / "presets"
    monkeypatch.setattr(user, "home", lambda: folder)
    return folder


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that LLMCMP_PRESETS names."""
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setenv(user.VARIABLE, str(folder))
    return folder


def put(folder: Path, name: str, source: str = "llama3-8b:kv_heads=4") -> Path:
    """A preset file of the user's."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(preset_text(renamed(load(source), name)))
    return path


def test_a_saved_model_is_found_by_name_everywhere(home: Path) -> None:
    assert "mine" not in models()
    saved = save_preset(load("llama3-8b:kv_heads=4"), "mine", home / "mine.toml")
    assert load("mine") == load("MINE") == saved
    assert load("mine:layers=3").tower.depth == 3
    assert is_own("mine") and not is_own("llama3-8b") and "mine" in models()
    assert saved in load_all(["llama/*"]) and saved in load_all(["mi*"])


def test_lists_say_which_presets_are_the_users(home: Path) -> None:
    assert next(column for column in list_table("llama").columns if column.key == "own").machine
    put(home, "mine")
    table = list_table("llama")
    assert [row["model"] for row in table.rows if row["own"]] == ["mine"]
    assert not next(column for column in table.columns if column.key == "own").machine


def test_folders_may_hold_folders_of_families_and_nothing_deeper(shared: Path, home: Path) -> None:
    put(shared / "llama", "inner")
    put(shared / "llama" / "deep", "deeper")
    put(shared, ".hidden")
    assert set(user.paths()) == {"inner"}


def test_several_folders_are_searched_and_one_named_twice_once(shared: Path, home: Path, tmp_path: Path) -> None:
    put(shared, "one")
    put(home, "two")
    put(tmp_path / "third", "three")
    user.use(str(tmp_path / "third"))
    user.use(str(shared))
    assert os.environ[user.VARIABLE] == os.pathsep.join((str(tmp_path / "third"), str(shared)))
    assert set(user.paths()) == {"one", "two", "three"}


def test_a_folder_that_was_named_and_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv(user.VARIABLE, "nowhere")
    with pytest.raises(PresetError, match="no folder 'nowhere'"):
        load("llama3-8b")


@pytest.mark.parametrize(
    ("name", "other"), [("llama3-8b", "llama3-8b.toml"), ("Llama_3-8B", "llama3-8b.toml"), ("mixtral", "mixtral-8x7b")]
)
def test_a_name_that_a_preset_of_llmcmp_has_is_an_error_with_both_files(home: Path, name: str, other: str) -> None:
    path = put(home, name)
    with pytest.raises(PresetError) as error:
        load("gpt2")
    assert str(path) in str(error.value) and other in str(error.value)


@pytest.mark.parametrize("name", ["mine", "Mine"])
def test_two_files_with_one_name_are_an_error_with_both(home: Path, shared: Path, name: str) -> None:
    one, other = put(home, "mine"), put(shared, name)
    with pytest.raises(PresetError) as error:
        load("gpt2")
    assert str(one) in str(error.value) and str(other) in str(error.value)


def test_a_preset_is_called_like_its_file(home: Path) -> None:
    put(home, "mine").rename(home / "yours.toml")
    with pytest.raises(PresetError, match=r"yours\.toml: its name is 'mine'"):
        load("yours:layers=3")
    assert load(home / "yours.toml").name == "mine"


def test_a_broken_file_of_the_users_harms_only_whoever_asks_for_it(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "broken.toml").write_text("name =")
    assert load("llama3-8b") and load_all(["llama/*"])
    with pytest.raises(PresetError, match=r"broken\.toml: not valid TOML"):
        load("broken")


def test_saving_never_overwrites_unasked(home: Path) -> None:
    first = save_preset(load("gpt2"), "mine", home / "mine.toml")
    with pytest.raises(OutputError, match="there already"):
        save_preset(load("gpt2-xl"), "mine", home / "mine.toml")
    assert load("mine") == first
    second = save_preset(load("gpt2-xl"), "mine", home / "mine.toml", replace=True)
    assert load("mine") == second != first
    assert [path.name for path in home.iterdir()] == ["mine.toml"]


def test_where_there_are_no_links_nothing_is_overwritten_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    files.write(b"new", tmp_path / "x", replace=False)
    with pytest.raises(OutputError, match="there already"):
        files.write(b"newer", tmp_path / "x", replace=False)
    assert (tmp_path / "x").read_bytes() == b"new" and len(list(tmp_path.iterdir())) == 1


def test_a_name_that_is_taken_is_refused_before_anything_is_written(home: Path, shared: Path) -> None:
    put(shared, "mine")
    for name in ("mine", "gpt2", "gpt_2"):
        with pytest.raises(PresetError, match="name of a preset already"):
            save_preset(load("gpt2"), name, home / f"{name}.toml")
    assert not home.exists()


def test_outside_the_users_folders_any_name_will_do(home: Path, tmp_path: Path) -> None:
    save_preset(load("gpt2"), "gpt2", tmp_path / "gpt2.toml")
    assert load(tmp_path / "gpt2.toml") == load("gpt2")


def test_a_model_that_cannot_be_written_leaves_no_file(home: Path) -> None:
    with pytest.raises(UnknownModelError):
        save_preset(load("no such model"), "mine", home / "mine.toml")
    with pytest.raises(ModelError, match="one line of text"):
        renamed(load("gpt2"), "two\nlines")


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".hidden", "a:b=1", "a*", "a b", "ä", "x.toml", "a\n"])
def test_what_no_file_can_be_called_is_no_name(name: str) -> None:
    with pytest.raises(PresetError, match="cannot be a preset's name"):
        user.check_name(name)


def test_name_and_file_follow_from_each_other(home: Path) -> None:
    changed = load("llama3-8b:kv_heads=4,attention.bias=['query', 'key']")
    assert suggested(changed) == "llama3-8b-kv_heads-4-attention.bias-query-key"
    assert place(changed) == (suggested(changed), home / f"{suggested(changed)}.toml")
    assert place(changed, "mine") == ("mine", home / "mine.toml")
    assert place(changed, None, Path("x/other.toml")) == ("other", Path("x/other.toml"))
    with pytest.raises(OutputError, match=r"a preset is a \.toml file"):
        place(changed, "mine", Path("mine.json"))


def test_no_preset_of_llmcmp_is_taken_for_the_users() -> None:
    assert not any(is_own(name) for name in preset_files())
