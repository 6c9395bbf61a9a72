"""That what workers fill in is what MJML makes of the sources, which is told without node."""

import shutil
from pathlib import Path

import pytest

from dev import compile_mail
from dev.compile_mail import COMPILED, SOURCES, out_of_step
from shared.mail.rules import KINDS


@pytest.fixture
def copy(tmp_path: Path) -> tuple[Path, Path]:
    shutil.copytree(SOURCES, tmp_path / "sources", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(COMPILED, tmp_path / "compiled")
    return tmp_path / "sources", tmp_path / "compiled"


def test_every_mail_was_compiled_from_its_source_as_it_is() -> None:
    """Otherwise: `make mail`."""
    assert out_of_step(SOURCES, COMPILED) == []


def test_every_kind_has_a_source_and_both_templates_and_there_are_no_others() -> None:
    assert {source.stem for source in compile_mail.sources(SOURCES)} == set(KINDS)
    assert {path.name for path in COMPILED.iterdir()} == {f"{kind}.{end}" for kind in KINDS for end in ("html", "txt")}


def test_a_changed_source_or_result_is_noticed(copy: tuple[Path, Path]) -> None:
    sources, compiled = copy
    assert out_of_step(sources, compiled) == []
    with (sources / "new_match.mjml").open("a") as file:
        file.write("<!-- changed -->")
    assert out_of_step(sources, compiled) == ["new_match"]
    (compiled / "verify_email.html").write_text("by hand")
    assert out_of_step(sources, compiled) == ["new_match", "verify_email"]
    (compiled / "login_ended.html").unlink()
    assert "login_ended" in out_of_step(sources, compiled)


@pytest.mark.parametrize("part", ["_head.mjml", "_foot_news.mjml", "package-lock.json"])
def test_a_changed_part_or_another_compiler_is_noticed_in_all(copy: tuple[Path, Path], part: str) -> None:
    sources, compiled = copy
    with (sources / part).open("a") as file:
        file.write(" ")
    assert out_of_step(sources, compiled) == sorted(KINDS)


def test_a_new_or_a_lost_source_is_noticed(copy: tuple[Path, Path]) -> None:
    sources, compiled = copy
    (sources / "welcome.mjml").write_text("<mjml></mjml>")
    (sources / "new_match.mjml").unlink()
    assert out_of_step(sources, compiled) == ["new_match", "welcome"]


def test_the_lock_names_no_host_and_pins_every_package() -> None:
    lock = (SOURCES / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity"' in lock


@pytest.mark.skipif(not (SOURCES / "node_modules").exists(), reason="MJML is not installed: `make mail` does")
def test_compiling_again_gives_the_same() -> None:
    for source in compile_mail.sources(SOURCES)[:2]:
        assert compile_mail.compiled(source) == (COMPILED / f"{source.stem}.html").read_bytes()
