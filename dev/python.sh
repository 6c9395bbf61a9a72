#!/bin/sh
# Prints the first Python that the project runs on (3.11 to 3.13); $1, when given, is the only candidate.
for candidate in ${1:-python3 python3.11 python3.12 python3.13 python}; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done
echo "No usable Python found: install Python 3.11, 3.12 or 3.13 with its venv module, or name one: make PYTHON=/path/to/python" >&2
exit 1
