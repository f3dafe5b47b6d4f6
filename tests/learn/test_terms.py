"""What is said of every term: complete, sourced, linked, found by any of its names."""

from __future__ import annotations

import re

import pytest

from llmcmp.cli.app import build
from llmcmp.errors import UnknownTermError
from llmcmp.learn.term import TEXTS, Term, find, names, normal_form, terms

BY_NAME = {term.name: term for term in terms()}
each_term = pytest.mark.parametrize("term", terms(), ids=lambda term: term.name)


@each_term
def test_every_term_has_all_its_sections(term: Term) -> None:
    assert term.title and term.formula and term.costs and all(term.what)
    assert term.advantages and term.limits and term.commands and term.see
    assert all(re.fullmatch(r"https://\S+", source.url) and 2000 < source.year < 2027 for source in term.sources)
    assert term.sources and all(source.what for source in term.sources)
    assert term.example.models and (term.example.show or term.example.compute)


@each_term
def test_every_cross_reference_exists(term: Term) -> None:
    assert set(term.see) <= BY_NAME.keys() - {term.name}
    assert len(set(term.see)) == len(term.see)


def test_every_spelling_means_one_term() -> None:
    meant: dict[str, set[str]] = {}
    for term in terms():
        for text in names(term):
            meant.setdefault(normal_form(text), set()).add(term.name)
    assert {form: found for form, found in meant.items() if len(found) > 1 or not form} == {}


def test_every_file_of_terms_is_read() -> None:
    assert {path.stem for path in TEXTS.glob("*.toml")} == {term.group for term in terms()}


# Sizes and shares that a text may state, because a paper fixes them; all others are computed where they are shown.
STATED = {
    "about 15 %": "PaLM's speed-up, of its section 2",
    "15 %": "tokens that BERT and T5 hide",
    "80 %": "of them masked by BERT",
    "10 %": "of them replaced, or left, by BERT",
}


@each_term
def test_no_computed_figure_stands_in_prose(term: Term) -> None:
    prose = " ".join((*term.what, term.formula, term.costs, *term.advantages, *term.limits))
    found = re.findall(r"(?<![\w.-])\d(?:[\d.,]*\d)?(?:\s?(?:%|[KMGT]iB|[KMBGT]\b|[TPG]FLOPs?)|×)", prose)
    assert [figure for figure in found if figure not in STATED] == []


@each_term
def test_no_formula_is_wider_than_a_narrow_terminal(term: Term) -> None:
    assert max(len(line) for line in term.formula.splitlines()) <= 78
    assert not term.formula.startswith(" ") and "\t" not in term.formula


COMMANDS = sorted({command for term in terms() for command in term.commands})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_to_try_runs(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    program, *arguments = command.replace("'", "").split()
    assert program == "llmcmp"
    assert not build().main(arguments, prog_name=program, standalone_mode=False)
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rotary", "rope"),
        ("RoPE", "rope"),
        ("旋转位置编码", "rope"),
        ("grouped query attention", "gqa"),
        ("Grouped-Query Attention", "gqa"),
        ("混合专家", "moe"),
        ("PPO", "rlhf"),
        ("swa", "sliding-window"),
        ("6ND", "six-nd"),
        ("quantization", "quantisation"),
        ("roofline", "arithmetic-intensity"),
        ("GLM 2-D", "rope-2d"),
    ],
)
def test_a_term_answers_to_what_people_call_it(text: str, name: str) -> None:
    assert find(text).name == name


@pytest.mark.parametrize(
    ("text", "meant"),
    [("rop", "rope"), ("swiglo", "swiglu"), ("window", "sliding-window"), ("chinchila", "chinchilla")],
)
def test_an_unknown_term_names_what_was_probably_meant(text: str, meant: str) -> None:
    with pytest.raises(UnknownTermError, match=f"did you mean .*'{meant}'.* list them: llmcmp explain"):
        find(text)


def test_what_resembles_nothing_still_says_what_to_do() -> None:
    with pytest.raises(UnknownTermError, match="unknown term 'qqqqzzzz'; list them: llmcmp explain"):
        find("qqqqzzzz")
