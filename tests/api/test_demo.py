"""The demo page as it is served: in development only, and with nothing from elsewhere."""

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from api.demo import FOLDER, HEADERS
from tests.shared.test_settings import SAFE

FILES = sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_the_page_is_served_and_may_load_nothing_from_elsewhere(client: TestClient, name: str) -> None:
    answer = client.get(f"/demo/{name}")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    elsewhere = [url for url in re.findall(r"https?://[\w.]+", answer.text) if url != "http://www.w3.org"]
    assert not elsewhere


def test_the_page_works_below_a_prefix_since_it_names_nothing_from_the_root(client: TestClient) -> None:
    page = client.get("/demo")
    assert page.headers["Content-Type"].startswith("text/html")
    assert not re.search(r'(?:src|href)="/', page.text)
    assert not re.search(r"<script>|<style|style=|onclick=", page.text)
    named = re.findall(r'(?:src|href)="demo/([\w.-]+)"', page.text)
    assert set(named) <= set(FILES)
    assert client.get("/demo/demo.py").status_code == client.get("/demo/..%2f..%2fdemo.py").status_code == 404


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_there_is_no_such_page_where_real_people_are(
    client: TestClient, configured: Callable[..., None], environment: str
) -> None:
    configured(**SAFE | {"ENVIRONMENT": environment})
    for path in ("/demo", "/demo/app.js"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
        assert answer.json() | {"error": None} == client.get("/nowhere").json() | {"error": None}


def test_the_document_of_the_api_does_not_know_it(client: TestClient) -> None:
    assert not [path for path in client.get("/openapi.json").json()["paths"] if "demo" in path]
