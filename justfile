# Commands of this repository; https://just.systems runs them, and each also works by hand.

default:
    @just --list

# Set up once, inside a virtual environment.
install:
    pip install -e ".[dev]"

# Every room, without the proofs.
quick *arguments:
    pytest -m "not proof and not slow and not rllib" {{arguments}}

# Minutes: the whole suite.
test *arguments:
    pytest {{arguments}}

# The long proofs, which neither of the two above runs.
slow *arguments:
    pytest -m slow {{arguments}}

# RLlib on the registered ids, in an environment of its own.
rllib:
    .ci/rllib

# Learners, wrappers and tools of other projects.
interop:
    .ci/interop

# The pages as a site, in site/; a warning is an error.
site:
    mkdocs build --strict

# Play the newcomer: a fresh clone, a fresh environment, every command of the README.
newcomer:
    python scripts/newcomer.py

# Plant faults one at a time; a test must find each.
mutants:
    python -m benchmarks.mutants

# Mutate what comes from outside: each must be read or refused.
fuzz *arguments:
    python -m benchmarks.fuzz {{arguments}}

# Style, types, and which room may import which.
lint:
    ruff check .
    ruff format --check .
    mypy
    lint-imports

# Correct what `ruff` can correct.
format:
    ruff check --fix .
    ruff format .

# Check the parts of the pages that scripts write.
docs:
    python scripts/docs.py check
    python scripts/memory_bank.py check

# Write those parts.
docs-write:
    python scripts/docs.py write
    python scripts/memory_bank.py map

# Play the recorded episodes again and compare them to the bit.
golden:
    python -m tests.golden check

# All that a change must pass.
check: lint docs test

# The same in a fresh environment, and the main program after it.
ci:
    .ci/run
