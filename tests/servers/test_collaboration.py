"""Notebooks that are edited in two windows at once, by means of jupyter-collaboration."""

from collections.abc import Callable
from importlib.util import find_spec

import pytest
from playwright.sync_api import Browser, expect

from tests.support.frontends import Lab
from tests.support.notebooks import make_notebook
from tests.support.servers import JupyterServer

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        not find_spec("jupyter_server_ydoc"),
        reason="jupyter-collaboration is not installed: tox -e collaboration",
    ),
]


def test_a_restore_says_who_edits_too_and_keeps_what_they_type(
    start_server: Callable[..., JupyterServer], browser: Browser
) -> None:
    # An edit is written a second later; a restore must not wait for that.
    config = {"YDocExtension": {"document_save_delay": 30}}
    server = start_server("lab", config=config, store_url="local")
    for text in ("the first", "the second"):
        cell = {"cell_type": "code", "id": "cell", "metadata": {}, "execution_count": None}
        cells = [{**cell, "source": text, "outputs": []}]
        server.save("shared.ipynb", {**make_notebook(), "cells": cells})
    server.wait_until("archived")
    with browser.new_context() as mine, browser.new_context() as theirs:
        ann, bob = (Lab(server, context.new_page(), "shared.ipynb") for context in (mine, theirs))
        ann.open()
        bob.open()
        bob.type(", and what Bob thinks of it")
        ann.expect_source("what Bob thinks of it")
        oldest = server.bookstore("GET", "versions/shared.ipynb")["versions"][-1]

        ann.show_versions()
        ann.press_restore(-1)
        dialog = ann.page.get_by_role("dialog")
        expect(dialog).to_contain_text("edited in 1 other window")
        expect(dialog.get_by_role("button", name="Restore as a Copy")).to_be_visible()
        dialog.get_by_role("button", name="Cancel").click()

        question = mine.new_page()
        question.goto(
            f"{server.url}/bookstore/restore/shared.ipynb?version_id={oldest['version_id']}"
        )
        expect(question.get_by_text("open in 2 windows")).to_be_visible()
        question.get_by_role("button", name="Restore in its place").click()
        for window in (ann, bob):
            window.expect_source("the first")
            expect(window.page.get_by_text("was replaced on disk")).to_be_visible()
    server.wait_until("archived")
    versions = server.bookstore("GET", "versions/shared.ipynb")["versions"]
    sources = []
    for version in versions:
        query = {"version_id": version["version_id"]}
        model = server.bookstore("GET", "versions/shared.ipynb", params=query)
        sources.append(model["content"]["cells"][0]["source"])
    assert sources[0] == "the first"
    assert "the second, and what Bob thinks of it" in sources
