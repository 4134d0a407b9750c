"""Take the documentation's screenshots: of JupyterLab with its panel, and of the pages.

    python -m ci.screenshots docs/images

Run it in an environment with JupyterLab 4, Notebook 7 and Chromium; look at what it made.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.support.browser import chromium
from tests.support.servers import JupyterServer

NAME = "sales.ipynb"
COLOURS = ("#4c78a8", "#e45756")


def chart(values: list[int], colour: str) -> str:
    """Draw a bar chart in SVG."""
    bars = "".join(
        f'<rect x="{40 * number + 10}" y="{120 - value}" width="28" height="{value}"'
        f' fill="{colour}"/>'
        for number, value in enumerate(values)
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="260" height="130">{bars}</svg>'


def code(identifier: str, source: str, data: dict[str, str] | None = None) -> dict[str, Any]:
    """Make a code cell, with an output if there is data for one."""
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    return {
        "cell_type": "code",
        "id": identifier,
        "metadata": {},
        "source": source,
        "execution_count": 1,
        "outputs": [output] if data else [],
    }


def notebook(year: int, values: list[int], colour: str) -> dict[str, Any]:
    """Make a small report."""
    title = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": f"# Sales of {year}"}
    cells = [
        title,
        code("b", "import pandas as pd\n\nsales = pd.read_csv('sales.csv')"),
        code("c", f"sales = sales[sales.year == {year}]\nsales.groupby('region').amount.sum()"),
        code("d", "sales.plot(kind='bar')", {"image/svg+xml": chart(values, colour)}),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def save_some(server: JupyterServer) -> None:
    """Save a few versions."""
    for year, values in ((2025, [60, 80, 45, 90, 30]), (2026, [70, 50, 95, 110, 65])):
        for last in (40, 60, 80):
            server.save(NAME, notebook(year, [*values, last], COLOURS[year % 2]))
    server.wait_until("archived")
    last_of_2025 = server.bookstore("GET", f"versions/{NAME}")["versions"][3]["version_id"]
    named = {"name": "sent to Ann", "version_id": last_of_2025}
    server.bookstore("POST", f"name/{NAME}", json=named)


def take(server: JupyterServer, page: Page, folder: Path) -> None:
    """Take the screenshots."""
    page.goto(f"{server.url}/lab/tree/{NAME}?token={server.token}")
    page.get_by_role("button", name="No", exact=True).click()  # to JupyterLab's question about news
    page.get_by_title("Show the versions of this notebook").first.click()
    versions = page.locator("#bookstore-versions li > button")
    versions.nth(2).click()
    page.get_by_role("button", name="What changed").click()
    page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()
    page.screenshot(path=folder / "jupyterlab.png")

    page.set_viewport_size({"width": 1200, "height": 750})
    page.goto(f"{server.url}/bookstore/versions/{NAME}")
    page.get_by_label("Show what changed").check()
    page.frame_locator("[name=shown]").get_by_text("edited").first.wait_for()
    page.screenshot(path=folder / "versions.png")
    oldest = server.bookstore("GET", f"versions/{NAME}")["versions"][-1]["version_id"]
    page.goto(f"{server.url}/bookstore/diff/{NAME}?base={oldest}")
    page.screenshot(path=folder / "changes.png", full_page=True)


def main() -> None:
    """Start a server, take the screenshots, and end it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 800})
        with JupyterServer(
            "lab",
            Path(directory),
            store_url="local",
            env={"JUPYTERHUB_USER": "", "LOGNAME": "ann"},
        ) as server:
            save_some(server)
            take(server, page, folder)


if __name__ == "__main__":
    main()
