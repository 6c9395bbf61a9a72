"""That the parts fit together: jobs have tasks, models have migrations, processes import only what they may."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

import alembic
import worker
from shared.accounts.rules import contact_hash
from shared.jobs import LEDGER_JOBS, PERIODIC_JOBS, QUEUES, Job
from shared.settings import settings
from worker.app import MODULES

worker.app.loader.import_default_modules()  # as a worker does when it starts

ROOT = Path(__file__).parent.parent


def python(code: str) -> str:
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize("job", [*LEDGER_JOBS.values(), *PERIODIC_JOBS], ids=lambda job: job.name)
def test_every_job_has_a_task_with_its_limits_on_a_known_queue(job: Job) -> None:
    task = worker.app.tasks[job.name]
    assert (task.soft_time_limit, task.time_limit) == (job.soft_limit, job.hard_limit)
    assert 0 < job.soft_limit < job.hard_limit < job.lease_seconds
    assert job.queue in QUEUES
    assert job.attempts >= 1


def test_every_task_of_ours_is_a_known_job() -> None:
    ours = {name for name in worker.app.tasks if not name.startswith("celery.")}
    assert ours == {*LEDGER_JOBS, *(job.name for job in PERIODIC_JOBS)}


def test_every_module_of_tasks_is_included() -> None:
    files = {f"worker.{path.stem}" for path in (ROOT / "worker").glob("*.py") if "task(" in path.read_text()}
    assert files <= set(MODULES)


def test_alembic_is_the_library() -> None:
    assert "site-packages" in str(alembic.__file__)


@pytest.mark.xdist_group("grouped")
def test_a_group_of_tests_has_one_worker(request: pytest.FixtureRequest) -> None:
    """By a name in their ids, of which some pairs of versions lose sight: each worker starts its own systems then."""
    if request.config.getoption("loadgroup", default=False):
        assert request.node.nodeid.endswith("@grouped")


def test_migrations_match_the_models_and_can_be_taken_back(superuser: Engine, unique: str) -> None:
    name = f"migrations_{unique}"
    with superuser.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    url = settings().sqlalchemy_url.rpartition("/")[0] + f"/{name}"
    try:
        for words in (["upgrade", "head"], ["check"], ["downgrade", "base"], ["upgrade", "head"]):
            environment = {"DATABASE_URL": url, "PATH": ""}
            ended = subprocess.run(
                [sys.executable, "-m", "alembic", *words],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ended.returncode == 0, ended.stderr
            if words == ["downgrade", "base"]:
                engine = create_engine(url)
                assert inspect(engine).get_table_names() == ["alembic_version"]
                engine.dispose()
    finally:
        with superuser.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def test_people_from_before_are_found_by_their_contacts_and_runners_wait_for_each_other(
    superuser: Engine, unique: str
) -> None:
    name = f"before_{unique}"
    with superuser.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    url = settings().sqlalchemy_url.rpartition("/")[0] + f"/{name}"
    engine = create_engine(url)
    try:
        assert upgrade(url, "badges").wait(60) == 0
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO users (id, email, name, birth_date, password_hash) SELECT gen_random_uuid(),"
                    " 'Ünal.' || n || '@Example.com', 'N', '1990-01-01', '!' FROM generate_series(1, 1500) n"
                )
            )
            connection.execute(text("UPDATE users SET time_zone = 'CET' WHERE email LIKE '%.7@%'"))
        together = [upgrade(url, "head") for _ in range(3)]
        assert [runner.wait(60) for runner in together] == [0, 0, 0]
        with engine.begin() as connection:
            people = connection.execute(text("SELECT email, contact_hash FROM users")).all()
            zones = connection.scalars(text("SELECT DISTINCT time_zone FROM users")).all()
        assert (len(people), set(zones)) == (1500, {"UTC", "Europe/Brussels"})
        assert all(found == contact_hash(email, settings().contact_salt) for email, found in people)
    finally:
        engine.dispose()
        with superuser.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def upgrade(url: str, revision: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "alembic", "upgrade", revision]
    return subprocess.Popen(words, cwd=ROOT, env={"DATABASE_URL": url, "PATH": ""})


def test_neither_the_api_nor_beat_loads_imaging_or_a_model() -> None:
    imaging = "'PIL', 'pi_heif', '_pi_heif', 'thumbhash'"
    heavy = f"{{{imaging}, 'torch', 'sentence_transformers', 'transformers', 'tokenizers', 'onnxruntime', 'numpy'}}"
    for process in ("import api.app; api.app.create_app()", "import beat"):
        assert python(f"{process}; import sys; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_a_workers_parent_process_opens_no_connection_before_it_forks() -> None:
    loaded = "import worker, worker.photos, shared.database; print(shared.database.database.cache_info().currsize)"
    assert python(loaded) == "0"


def test_a_worker_that_has_no_answers_to_read_loads_no_model() -> None:
    loaded = "import sys, worker; worker.app.loader.import_default_modules(); print('onnxruntime' in sys.modules)"
    assert python(loaded) == "False"
