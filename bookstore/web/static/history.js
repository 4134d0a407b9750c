// A notebook's versions beside the one that is chosen, or beside what changed in it.

const days = document.getElementById("days");
const whatChanged = document.getElementById("what-changed");
const withPrevious = document.getElementById("with-previous");
const shown = document.querySelector(".shown iframe");

// The version that others are compared with; none for the one before each.
let base = null;

const chosen = () => days.querySelector("[name=version]:checked");

function addressOf(version) {
  const before = base?.value ?? version.dataset.before;
  const isCompared = whatChanged.checked && before && "before" in version.dataset && base !== version;
  const address = new URL(isCompared ? days.dataset.diff : days.dataset.view, location);
  const query = isCompared ? { base: before, head: version.value } : { version_id: version.value };
  Object.entries(query).forEach(([name, value]) => address.searchParams.set(name, value));
  return address.href;
}

function showChosen() {
  const version = chosen();
  const isBeside = shown.offsetParent !== null; // not where the page is too narrow for two columns
  if (version && isBeside) {
    // Not as a step of its own: Back leaves the page.
    shown.contentWindow.location.replace(addressOf(version));
  }
}

function compareWith(version) {
  base = version;
  days.querySelectorAll(".from").forEach((button) => {
    button.setAttribute("aria-pressed", button.closest("li").contains(base));
  });
  withPrevious.hidden = base === null;
  const time = base?.closest("li").querySelector("time").textContent;
  document.getElementById("since").textContent = base ? `from the version of ${time}` : "";
  showChosen();
}

days?.addEventListener("change", ({ target }) => {
  if (target.name === "version") {
    const here = new URL(location);
    here.searchParams.set("version_id", target.value);
    history.replaceState(null, "", here); // what a reload chooses
    showChosen();
  }
});

days?.addEventListener("click", ({ target }) => {
  if (target.matches(".from")) {
    const version = target.closest("li").querySelector("[name=version]");
    whatChanged.checked = true;
    compareWith(base === version ? null : version);
  } else if (base && target.matches(".changes")) {
    target.href = addressOf(target.closest("li").querySelector("[name=version]"));
  }
});

// The link by which a colleague clones a version; where it cannot be copied, it leads there.
days?.addEventListener("click", async (event) => {
  const link = event.target;
  if (link.matches("a.copied") && navigator.clipboard) {
    event.preventDefault();
    await navigator.clipboard.writeText(link.href);
    link.textContent = "Link copied";
    link.parentElement.querySelector("[role=status]").textContent = link.dataset.note;
  }
});

withPrevious?.addEventListener("click", () => compareWith(null));

whatChanged?.addEventListener("change", () => {
  localStorage.setItem("bookstore:what-changed", whatChanged.checked ? "yes" : "");
  showChosen();
});

// The list goes on below, so that any two of its versions can be compared.
document.getElementById("older")?.addEventListener("click", async (event) => {
  const link = event.currentTarget;
  event.preventDefault();
  link.hidden = true; // a second click would add the same
  const answer = await fetch(link.href, { credentials: "same-origin", headers: xsrf });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const more = page.getElementById("days");
  if (!answer.ok || !more) {
    location.assign(link.href);
    return;
  }
  const next = page.getElementById("older");
  more.querySelectorAll(":checked").forEach((version) => (version.checked = false));
  const heading = more.querySelector("h2");
  const last = [...days.querySelectorAll("h2")].at(-1);
  if (heading.textContent === last.textContent) {
    heading.remove(); // the day goes on
  }
  const added = [...more.children];
  days.append(...added);
  added.forEach(prepare);
  link.href = next?.href ?? "";
  link.hidden = !next;
});

// Where the page in the frame links to: other versions beside the list, and what asks in its place.
window.addEventListener("message", ({ data, source }) => {
  const page = new URL(`${document.body.dataset.baseUrl}bookstore/`, location).href;
  if (source !== shown?.contentWindow || !String(data.show).startsWith(page)) {
    return;
  }
  const { pathname } = new URL(data.show);
  const isVersion = [days.dataset.view, days.dataset.diff].some((known) => known.startsWith(pathname));
  if (isVersion) {
    source.location.replace(data.show);
  } else {
    location.assign(data.show);
  }
});

document.addEventListener("keydown", ({ key, target, ctrlKey, metaKey, altKey }) => {
  const way = { n: 1, p: -1 }[key];
  if (way && shown && !target.matches("input:not([type=radio])") && !(ctrlKey || metaKey || altKey)) {
    shown.contentWindow.postMessage({ step: way }, "*"); // its origin is nobody's
  }
});

if (days) {
  whatChanged.checked = localStorage.getItem("bookstore:what-changed") === "yes";
  showChosen();
  matchMedia("(max-width: 60rem)").addEventListener("change", showChosen);
}
