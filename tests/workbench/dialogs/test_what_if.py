"""What if: a field is edited, checked as it is typed, and the edited model stands beside the original."""

from __future__ import annotations

from pathlib import Path

import pytest
from driven import Driver, drive
from textual.widgets import Button, Input, Static

from llmcmp.folds.params import params
from llmcmp.sources import user
from llmcmp.sources.presets import load
from llmcmp.tables.compare import compare
from llmcmp.workbench.dialogs.save import SaveDialog
from llmcmp.workbench.dialogs.what_if import Turned, WhatIf, change
from llmcmp.workbench.model_list import ModelList


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "presets"
    monkeypatch.setattr(user, "home", lambda: folder)
    return folder


async def ask(driver: Driver) -> WhatIf:
    """Open the form."""
    await driver.press("i")
    await driver.until(lambda: isinstance(driver.app.screen, WhatIf) and driver.app.focused)
    screen = driver.app.screen
    assert isinstance(screen, WhatIf)
    return screen


def row(form: WhatIf, key: str):
    """The row of a field."""
    return form.query(".field")[[field.key for field in form.fields].index(key)]


def told(form: WhatIf) -> tuple[str, str]:
    """(what changes, what is wrong)."""
    wrong = form.query_one(".wrong", Static)
    return str(form.query_one("#change", Static).content), str(wrong.content) if wrong.display else ""


def test_an_edit_by_keys_stands_beside_its_original_with_the_change_in_every_figure() -> None:
    async def script(driver: Driver) -> None:
        form = await ask(driver)
        await driver.press("down")
        assert driver.app.focused is row(form, "kv_heads").query_one(Input)
        await driver.type("16")
        await driver.until(lambda: told(form)[0])
        assert "Parameters 8.03 B → 8.30 B (1.03×)" in told(form)[0]
        assert "KV cache 512 MiB → 1.00 GiB (2.00×)" in told(form)[0]
        assert str(row(form, "kv_heads").query_one(".was").content) == "was 8"
        await driver.press("enter")
        await driver.selected("llama3-8b", "llama3-8b:kv_heads=16", "gpt2")
        assert driver.main.selection.baseline == "llama3-8b"
        assert driver.main.selection.models[1] == load("llama3-8b:kv_heads=16")
        await driver.until(lambda: driver.main.view.table() and len(driver.main.view.table().rows) == 3)
        edited = driver.main.view.table().rows[1]
        assert edited["parameters"] == params(load("llama3-8b:kv_heads=16")).total
        assert edited["kv_bytes_ratio"] == 2 and edited["parameters_ratio"] > 1
        assert driver.main.now().models == ("llama3-8b", "llama3-8b:kv_heads=16", "gpt2")

    drive(script, ("llama3-8b", "gpt2"))


def test_an_edit_by_mouse() -> None:
    async def script(driver: Driver) -> None:
        form = await ask(driver)
        await driver.click(row(form, "tied").query_one(Turned))
        await driver.until(lambda: "Parameters" in told(form)[0])
        await driver.click(form.query_one("#apply", Button))
        await driver.selected("llama3-8b", "llama3-8b:tied=true")

    drive(script, ("llama3-8b",), (120, 60))


def test_what_will_not_do_is_said_in_the_words_of_the_override_and_applies_nothing() -> None:
    async def script(driver: Driver) -> None:
        form = await ask(driver)
        await driver.press("down")
        await driver.type("5")
        await driver.until(lambda: told(form)[1])
        assert told(form) == ("", "llama3-8b: [attention] heads (32) must be a multiple of kv_heads (5)")
        await driver.press("enter")
        await driver.pilot.pause(0.3)
        assert driver.app.screen is form and told(form)[1]
        await driver.press("backspace", "4")
        await driver.until(lambda: told(form)[0] and not told(form)[1])
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.main)
        await driver.selected("llama3-8b")

    drive(script, ("llama3-8b",))


def test_nothing_changed_applies_nothing_and_a_change_taken_back_is_none() -> None:
    async def script(driver: Driver) -> None:
        form = await ask(driver)
        await driver.press("ctrl+s")
        await driver.until(lambda: told(form)[1] == "nothing is changed yet")
        turned = row(form, "qk_norm").query_one(Turned)
        turned.focus()
        await driver.press("right")
        await driver.until(lambda: form.changes() == {"qk_norm": "head"})
        await driver.press("left")
        await driver.until(lambda: not form.changes())

    drive(script, ("llama3-8b",))


def test_the_form_has_the_fields_of_the_model_and_no_others() -> None:
    async def script(driver: Driver) -> None:
        form = await ask(driver)
        keys = {field.key for field in form.fields}
        assert {"kv_rank", "experts", "per_token", "stack.1.layers"} <= keys and "kv_heads" not in keys
        assert len(form.query(".field")) == len(form.fields)

    drive(script, ("deepseek-v3",), (80, 24))


def test_the_model_at_the_cursor_of_the_list_is_the_one_to_edit() -> None:
    async def script(driver: Driver) -> None:
        driver.one(ModelList).point_at("gpt2")
        await driver.pilot.pause()
        form = await ask(driver)
        assert form.model.name == "gpt2"
        await driver.press("ctrl+n")
        await driver.until(lambda: isinstance(driver.app.screen, SaveDialog))
        await driver.press("escape", "escape")
        await driver.until(lambda: driver.app.screen is driver.main)

    drive(script, ("llama3-8b",))


def test_an_edit_is_saved_as_a_preset_of_the_users_under_a_free_name(home: Path) -> None:
    async def script(driver: Driver) -> None:
        form = await ask(driver)
        await driver.press("down")
        await driver.type("16")
        await driver.until(lambda: told(form)[0])
        await driver.press("ctrl+n")
        await driver.until(lambda: isinstance(driver.app.screen, SaveDialog))
        name = driver.one("#name", Input)
        assert name.value == "llama3-8b-kv_heads-16"
        name.value = "gpt2"
        wrong = driver.one(".wrong", Static)
        await driver.until(lambda: wrong.display and "name of a preset already" in str(wrong.content))
        name.value = "mine"
        await driver.until(lambda: not wrong.display)
        await driver.press("enter")
        await driver.selected("llama3-8b", "mine")
        assert load("mine").towers == load("llama3-8b:kv_heads=16").towers
        assert (home / "mine.toml").is_file()
        assert driver.main.selection.baseline == "llama3-8b"
        await driver.until(lambda: "mine" in [entry.model for entry in driver.one(ModelList)._entries])
        assert driver.main.now().models == ("llama3-8b", "mine")

    drive(script, ("llama3-8b",))


def test_saving_by_mouse_asks_again_where_the_name_is_taken(home: Path) -> None:
    async def script(driver: Driver) -> None:
        form = await ask(driver)
        await driver.click(form.query_one("#save", Button))
        await driver.until(lambda: isinstance(driver.app.screen, SaveDialog))
        driver.one("#name", Input).value = "gpt2"
        await driver.press("enter")
        await driver.until(lambda: "already" in str(driver.one(".wrong", Static).content))
        assert not home.exists()

    drive(script, ("gpt2",), (120, 60))


def test_an_undisclosed_model_has_nothing_to_edit() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("i")
        await driver.until(lambda: len(driver.app._notifications) == 1)
        assert driver.app.screen is driver.main

    drive(script, ("gpt-4",))


def test_an_edit_of_an_edit_is_one_edit_of_the_original() -> None:
    async def script(driver: Driver) -> None:
        await ask(driver)
        await driver.type("16")
        await driver.press("enter")
        await driver.selected("gpt2:kv_heads=4", "gpt2:kv_heads=4,heads=16")
        assert driver.main.now().models[1] == "gpt2:kv_heads=4,heads=16"

    drive(script, ("gpt2:kv_heads=4",))


def test_only_what_differs_is_told() -> None:
    same = compare(["gpt2", "gpt2:activation=relu"], 16, baseline="gpt2")
    assert change(same) == "no figure changes"
    assert change(compare(["gpt2"], 16, baseline="gpt2")) == ""
