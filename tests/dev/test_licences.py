"""What we install may be used in a closed product: its metadata names a licence, and none that asks for our sources."""

import re
from importlib.metadata import Distribution, distributions

import pytest

# The lesser GPL asks only that the library itself can be replaced, which a Python package always can.
WEAK = re.compile(r"\bLGPL|Lesser General Public|\bMPL")
STRONG = re.compile(
    r"\bA?GPL|General Public License|\bSSPL|Server Side Public|\bBUSL|Business Source|\bEUPL|proprietary", re.IGNORECASE
)
OURS = "delete"


def licences(found: Distribution) -> list[str]:
    """Each way in which a package says what its licence is; the whole text of one is cut to its title."""
    metadata = found.metadata
    said = [metadata["License-Expression"] or "", (metadata["License"] or "")[:200]]
    classifiers = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License")]
    return [text for text in (*said, *classifiers) if text]


def asks_for_sources(said: list[str]) -> bool:
    return any(STRONG.search(WEAK.sub("", text)) for text in said)


def test_every_package_names_a_licence_that_lets_us_be_closed() -> None:
    found = [one for one in distributions() if one.metadata["Name"] != OURS]
    assert len(found) > 100
    assert [one.metadata["Name"] for one in found if not licences(one)] == []
    assert [(one.metadata["Name"], licences(one)) for one in found if asks_for_sources(licences(one))] == []


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ("GPL-3.0-only", True),
        ("AGPL-3.0-or-later", True),
        ("License :: OSI Approved :: GNU General Public License v2 (GPLv2)", True),
        ("License :: OSI Approved :: GNU Affero General Public License v3", True),
        ("SSPL-1.0", True),
        ("LGPL-3.0-only", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", False),
        ("MIT", False),
        ("Apache-2.0 OR BSD-2-Clause", False),
    ],
)
def test_which_those_are(said: str, asks: bool) -> None:
    assert asks_for_sources([said]) == asks
