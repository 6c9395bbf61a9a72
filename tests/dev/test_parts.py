"""The embedded parts, and what is said of parts that are somebody else's."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from dev import parts
from shared.settings import settings


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_database_answers_by_each_of_its_names(scheme: str) -> None:
    url = settings().database_url.replace("postgresql://", f"{scheme}://")
    assert parts.database_answers(f"{url}?sslmode=prefer")


def test_a_database_that_does_not_answer_yet_is_waited_for() -> None:
    assert not parts.database_answers(f"postgresql://ada:secret@127.0.0.1:{parts.free_port()}/delete")


@pytest.mark.parametrize("wrong", ["mysql://ada:secret@here/x", "postgresql://ada:secret@here/x?secret=secret"])
def test_a_database_url_that_cannot_be_is_told_without_its_secret(wrong: str) -> None:
    with pytest.raises(parts.Missing, match="DATABASE_URL") as caught:
        parts.database_answers(wrong)
    assert "secret" not in str(caught.value)


def test_a_missing_database_is_told() -> None:
    with pytest.raises(parts.Missing, match=r'refuses: database "nowhere" does not exist'):
        parts.database_answers(settings().database_url.rpartition("/")[0] + "/nowhere")


def test_redis_answers_or_not() -> None:
    assert parts.redis_answers(settings().redis_url)
    for away in (f"redis://127.0.0.1:{parts.free_port()}", "unix:///nowhere/redis.sock"):
        assert not parts.redis_answers(away)
    with pytest.raises(parts.Missing, match="REDIS_URL"):
        parts.redis_answers("http://localhost")


def test_what_is_shown_of_a_url() -> None:
    assert parts.shown("postgresql://ada:p@ss@here:5432/delete?sslmode=require") == "postgresql://here:5432/delete"
    assert parts.shown("postgresql:///delete?host=/run") == "postgresql:///delete"
    assert "pa" not in parts.shown("redis://:pa?ss@here/0")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to share")
def test_closed_folders_stay_closed_to_another_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("PATH", "/nowhere")  # no `unshare`
    with pytest.raises(parts.Missing, match="others cannot enter"):
        parts.postgres(tmp_path / "dev" / "postgres", port=1)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_postgres_in_a_closed_folder_starts_and_is_ended_when_left_over(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    folder = tmp_path / "postgres"
    with parts.new_cluster(folder) as made:
        assert made is not None
        subprocess.run(made[0], user=made[1], check=True, capture_output=True)
    part = parts.postgres(folder, port=parts.free_port(), durable=False)
    server = subprocess.Popen(part.argv, user=part.user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not parts.ensure_database(part.url):
        assert server.poll() is None
        time.sleep(0.05)
    reaper = threading.Thread(target=server.wait)
    reaper.start()
    parts.end_left_over(folder)
    reaper.join()
    assert server.returncode == 0
    parts.end_left_over(folder)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_an_interrupted_beginning_leaves_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt), parts.new_cluster(tmp_path / "postgres"):
        raise KeyboardInterrupt
    assert not (tmp_path / "postgres").exists()
