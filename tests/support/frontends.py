"""The four front ends, as a user's hands and eyes meet them."""

import re
from abc import ABC, abstractmethod
from urllib.parse import quote, unquote, urlsplit

from playwright.sync_api import FrameLocator, Locator, Page, expect

from .servers import JupyterServer
from .waiting import wait_for

Content = Page | FrameLocator  # a page of Bookstore's, in a tab of its own or in a frame


class FrontEnd(ABC):
    """A notebook that is open in a front end, and what its user does with it.

    Versions are counted as they are listed, the newest first, from 0.

    Parameters
    ----------
    server
    page
        Of a browser that nobody is logged in with yet.
    path
        The notebook's.
    """

    name: str
    kind: str  # of the server that has this front end
    place = "notebooks"  # where it shows notebooks

    def __init__(self, server: JupyterServer, page: Page, path: str) -> None:
        self.server = server
        self.page = page
        self.path = path

    def open(self) -> None:
        """Open the notebook, and wait for its kernel."""
        self.page.goto(
            f"{self.server.url}/{self.place}/{quote(self.path)}?token={self.server.token}"
        )
        expect(self.page.locator(self._editor)).to_be_visible()
        wait_for(self._has_kernel, "the notebook's kernel")

    def _has_kernel(self) -> bool:
        # The front ends show an idle kernel also before there is one.
        answer = self.server.api("GET", "/api/kernels")
        # The server may answer with an error while a kernel starts.
        return answer.ok and any(
            kernel["connections"] and kernel["execution_state"] == "idle"
            for kernel in answer.json()
        )

    def run(self, source: str) -> None:
        """Write into the code cell, and run it."""
        self.page.locator(self._editor).click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(source)
        self.page.keyboard.press("Control+Enter")

    def type(self, text: str) -> None:
        """Write at the end of the code cell."""
        self.page.locator(self._editor).click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type(text)

    def expect_source(self, text: str) -> None:
        """Wait until the code cell holds a text."""
        expect(self.page.locator(self._editor)).to_contain_text(text)

    def save(self) -> None:
        """Save by the key."""
        self.page.keyboard.press("Control+S")

    def expect_archived(self) -> None:
        """Wait until the front end says that the last save is archived."""
        expect(self.page.locator(self._state)).to_contain_text(re.compile(r"archived \d"))

    def expect_picture(self, picture: str, page: Page | None = None) -> None:
        """Wait until the open notebook shows a picture."""
        pictures = (page or self.page).locator(self._output).locator(shows(picture))
        # JupyterLab may have other notebooks open, behind this one, as it had them before.
        expect(pictures.filter(visible=True)).to_have_count(1)

    def expect_place(self, page: Page) -> None:
        """Wait until a page is where this front end shows the notebook."""
        # JupyterLab adds a workspace where another tab has its own.
        place = self.place.replace("lab/", "lab/(workspaces/[^/]+/)?")
        here = re.compile(f"{self.server.url}/{place}/{re.escape(self.path)}")
        page.wait_for_url(lambda url: here.fullmatch(unquote(url)) is not None)

    def reload_as_told(self) -> None:
        """Do what a notebook asks for whose file was replaced."""
        dialog = self.page.get_by_role("dialog").filter(has_text="changed elsewhere")
        dialog.get_by_role("button", name="Reload").click()
        expect(dialog).to_be_hidden()

    def answer_with_name(self, name: str) -> None:
        """Fill in the dialog that asks for a name."""
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("textbox").first.fill(name)
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden()

    def publish(self) -> str:
        """Press **Publish**, and return the link that is shown."""
        self._press("Publish")
        dialog = self.page.get_by_role("dialog")
        link = dialog.get_by_label("Link")
        expect(link).to_have_value(re.compile("/bookstore/clone"))
        expect(dialog.get_by_label("Markdown badge")).to_have_value(
            re.compile(r"^\[!\[Clone this notebook\]")
        )
        taken = link.input_value()
        dialog.get_by_role("button", name=re.compile("OK|Close")).last.click()
        return taken

    def _press(self, button: str) -> None:
        self.page.locator(self._toolbar).get_by_role("button", name=button).first.click()

    _editor: str
    _output: str
    _state: str
    _toolbar: str

    @abstractmethod
    def save_named(self, name: str) -> None:
        """Save, and give the version a name."""

    @abstractmethod
    def show_versions(self) -> Locator:
        """Press **Versions**, and return what lists them."""

    @abstractmethod
    def expect_versions(self, count: int) -> None:
        """Wait until so many versions are listed."""

    @abstractmethod
    def view(self, number: int) -> Content:
        """Look at a version."""

    @abstractmethod
    def compare(self, number: int) -> Content:
        """Compare a version with the newest."""

    def question_after(self, changes: Content) -> Content:
        """Return where a link of the page of changes leads."""
        return changes

    @abstractmethod
    def give_name(self, number: int, name: str) -> None:
        """Give a version a name."""

    @abstractmethod
    def restore(self, number: int) -> None:
        """Restore a version in its place, until the open notebook shows it."""


class Classic(FrontEnd):
    """Notebook 6.5; **Versions** opens a page."""

    name = kind = "classic"
    _editor = ".code_cell .CodeMirror"
    _output = ".output"
    _state = "#save_widget [role=status]"
    _toolbar = "#bookstore"

    def open(self) -> None:
        """Open the notebook from the file browser, and wait for its kernel."""
        self.page.goto(f"{self.server.url}/tree?token={self.server.token}")
        expect(self.page.locator("#tabs").get_by_role("link", name="Bookstore")).to_have_attribute(
            "href", f"{urlsplit(self.server.url).path}/bookstore"
        )
        super().open()

    def save_named(self, name: str) -> None:
        """Save, and give the version a name."""
        self.page.get_by_role("link", name="File").click()
        self.page.get_by_role("menuitem", name="Save Named Version…").click()
        self.answer_with_name(name)

    def show_versions(self) -> Locator:
        """Press **Versions**, and return what lists them."""
        with self.page.expect_popup() as opened:
            self._press("Versions")
        self._pages = opened.value
        return self._pages.locator("main")

    @property
    def _versions(self) -> Locator:
        if self._pages.is_closed():
            self.show_versions()
        self._pages.goto(f"{self.server.url}/bookstore/versions/{quote(self.path)}")
        for burst in self._pages.locator(".burst:not([open]) > summary").all():
            burst.click()
        return self._pages.locator("label.version")

    def expect_versions(self, count: int) -> None:
        """Wait until so many versions are listed."""
        expect(self._versions).to_have_count(count)

    def view(self, number: int) -> Content:
        """Look at a version."""
        self._versions.nth(number).click()
        return self._pages.frame_locator("[name=shown]")

    def compare(self, number: int) -> Content:
        """Compare a version with the newest."""
        versions = self._versions
        versions.nth(number).click()
        self._pages.get_by_role("button", name="Compare others with this").click()
        versions.first.click()
        return self._pages.frame_locator("[name=shown]")

    def question_after(self, changes: Content) -> Content:
        """Return where a link of the page of changes leads: to the place of the list beside it."""
        del changes
        return self._pages

    def give_name(self, number: int, name: str) -> None:
        """Give a version a name."""
        self._versions.nth(number).click()
        self._pages.get_by_text("Name…").filter(visible=True).click()
        self._pages.get_by_label("Name", exact=True).filter(visible=True).fill(name)
        self._pages.get_by_role("button", name="Save name").click()
        expect(self._pages.get_by_text(name)).to_be_visible()

    def restore(self, number: int) -> None:
        """Restore a version in its place, until the open notebook shows it."""
        self._versions.nth(number).click()
        self._pages.get_by_role("button", name="Restore", exact=True).click()
        self.reload_as_told()


class NbClassic(Classic):
    """nbclassic, which is the same on jupyter_server."""

    name = "nbclassic"
    kind = "jupyter_server"


class Lab(FrontEnd):
    """JupyterLab 4; **Versions** opens a panel, and versions are shown beside the notebook."""

    name = kind = "lab"
    place = "lab/tree"
    _editor = ".jp-CodeCell .cm-content"
    _output = ".jp-OutputArea"
    _state = ".jp-BookstoreState"
    _toolbar = ".jp-NotebookPanel-toolbar"

    @property
    def _panel(self) -> Locator:
        return self.page.locator("#bookstore-versions")

    def save_named(self, name: str) -> None:
        """Save, and give the version a name."""
        self.page.get_by_role("menuitem", name="File").click()
        self.page.get_by_role("menuitem", name="Save Named Version…").click()
        self.answer_with_name(name)

    def show_versions(self) -> Locator:
        """Press **Versions**, and return what lists them."""
        self._press("Versions")
        return self._panel

    def expect_versions(self, count: int) -> None:
        """Wait until so many versions are listed."""
        expect(self._versions).to_have_count(count)

    @property
    def _versions(self) -> Locator:
        return self._panel.locator("li > button")

    def _choose(self, number: int) -> None:
        version = self._versions.nth(number)
        if version.get_attribute("aria-expanded") == "false":
            version.click()

    def _shown_by(self, button: str) -> Content:
        self._panel.get_by_role("button", name=button).click()
        return self.page.frame_locator("iframe")

    def view(self, number: int) -> Content:
        """Look at a version."""
        self._choose(number)
        return self._shown_by("View")

    def compare(self, number: int) -> Content:
        """Compare a version with the newest."""
        self._choose(number)
        changes = self._shown_by("Compare with now")
        expect(changes.locator(":root")).to_have_attribute("data-theme", "light")
        return changes

    def give_name(self, number: int, name: str) -> None:
        """Give a version a name."""
        self._choose(number)
        self._panel.get_by_role("button", name="Name…").click()
        self.answer_with_name(name)
        expect(self._panel.get_by_text(name)).to_be_visible()

    def restore(self, number: int) -> None:
        """Restore a version in its place, until the open notebook shows it."""
        self.press_restore(number)
        self.page.get_by_role("dialog").get_by_role("button", name="Restore", exact=True).click()

    def press_restore(self, number: int) -> None:
        """Choose a version, and press **Restore**, which asks how."""
        self._choose(number)
        self._panel.get_by_role("button", name="Restore").click()


class Notebook7(Lab):
    """Notebook 7, with Lab's panel; it shows versions in another tab."""

    name = kind = "notebook7"
    place = "notebooks"

    def _shown_by(self, button: str) -> Content:
        with self.page.expect_popup() as opened:
            self._panel.get_by_role("button", name=button).click()
        return opened.value


FRONT_ENDS = {front_end.name: front_end for front_end in (Classic, NbClassic, Lab, Notebook7)}


def shows(picture: str) -> str:
    """Select what shows a picture: a PNG in base64."""
    return f'img[src*="{picture}"]'
