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
    for path in ("/demo", "/demo/app.js", "/demo/verify?token=x"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
        assert answer.json() | {"error": None} == client.get("/nowhere").json() | {"error": None}


def test_the_document_of_the_api_does_not_know_it(client: TestClient) -> None:
    assert not [path for path in client.get("/openapi.json").json()["paths"] if "demo" in path]


def test_links_of_mails_lead_to_the_page_and_nowhere_else(client: TestClient) -> None:
    for path, where in (
        ("/demo/verify?token=q0FZ1mJqTjS0w2hQk9b3Xw", "../demo#verify/q0FZ1mJqTjS0w2hQk9b3Xw"),
        ("/demo/reset?token=a-_", "../demo#reset/a-_"),
        ("/demo/login", "../demo#login/"),
        ("/demo/matches", "../demo#matches/"),
        ("/demo/notices/d3b5a1f0-5a5e-4f0e-9a40-6f6f8f0b7c55", "../../demo#you"),
        (
            "/demo/matches/d3b5a1f0-5a5e-4f0e-9a40-6f6f8f0b7c55",
            "../../demo#matches/d3b5a1f0-5a5e-4f0e-9a40-6f6f8f0b7c55",
        ),
    ):
        answer = client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (307, where)
        assert client.get(path).text == client.get("/demo").text
    for path in ("/demo/verify?token=%0d%0aX:%20y", "/demo/verify?token=//x.example", "/demo/matches/..%2fx"):
        assert client.get(path, follow_redirects=False).status_code in {404, 422}
