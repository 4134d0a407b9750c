// Forms of the pages ask the API, and go to what it has made or show what it says is wrong.

// Notebooks that are open in the same browser hear here that their file was replaced.
const changed = new BroadcastChannel(`bookstore:${document.body.dataset.baseUrl}`);

// JupyterLab shows pages in a frame; what Jupyter itself shows belongs beside that.
const isFramed = window.parent !== window;

// JupyterHub asks for the token also where nothing is changed.
const xsrf = { "X-XSRFToken": document.body.dataset.xsrfToken };

async function ask(form) {
  const model = { ...JSON.parse(form.dataset.model), ...Object.fromEntries(new FormData(form)) };
  const answer = await fetch(form.dataset.api, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", ...xsrf },
    body: JSON.stringify(model),
  });
  const told = await answer.json().catch(() => ({ message: `The server answered ${answer.status}.` }));
  if (!answer.ok) {
    throw new Error(told.message);
  }
  if (told.url) {
    changed.postMessage(told.path);
    show(told);
  } else {
    location.reload(); // it shows what has changed
  }
}

function show(told) {
  if (isFramed) {
    window.parent.postMessage({ open: told.path }, location.origin);
    if (document.getElementById("days")) {
      location.reload(); // the list has one more
    } else {
      history.back(); // to where it was asked from
    }
  } else {
    location.assign(told.url);
  }
}

if (isFramed) {
  document.documentElement.classList.add("framed");
  document.documentElement.classList.toggle("beside-list", window.name === "shown");
  document.querySelectorAll("a.jupyter").forEach((link) => (link.target = "_blank"));
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.api) {
    return;
  }
  event.preventDefault();
  const button = form.querySelector("button");
  const problem = form.querySelector("[role=alert]") ?? document.querySelector("[role=alert]");
  button.disabled = true;
  problem.hidden = true;
  try {
    await ask(form);
  } catch (error) {
    problem.textContent = error instanceof TypeError ? "The server does not answer." : error.message;
    problem.hidden = false;
    button.disabled = false;
  }
});

// Going back shows a page as it was left: with its button disabled, and older than what it has done.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});

// What changed in a version is told when somebody looks there, and is remembered by the server.
const unknown = [];
let asking = 0; // requests under way

async function tellChanges() {
  const line = unknown.shift();
  if (!line) {
    return;
  }
  asking += 1;
  try {
    const answer = await fetch(line.dataset.changes, { credentials: "same-origin", headers: xsrf });
    line.textContent = answer.ok ? (await answer.json()).changes : "";
  } catch {
    // the page is complete without it
  }
  asking -= 1;
  await tellChanges();
}

const seen = new IntersectionObserver((entries) => {
  for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
    seen.unobserve(target);
    unknown.push(target);
    if (asking < 2) {
      tellChanges();
    }
  }
});

// Times in the browser's time zone, and what changed: in the page, and in what is added to it.
function prepare(part) {
  for (const time of part.querySelectorAll("time")) {
    const when = new Date(time.dateTime);
    const local = new Date(when - when.getTimezoneOffset() * 60_000);
    time.title = time.dateTime;
    const [day, clock] = local.toISOString().slice(0, 19).split("T");
    time.textContent = time.className === "clock" ? clock : `${day} ${clock}`;
  }
  part.querySelectorAll("[data-changes]").forEach((line) => seen.observe(line));
}
prepare(document);

// No script runs on the page of a version: the server writes its time, and for that must know where.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
document.cookie = `bookstore-time-zone=${zone}; path=${document.body.dataset.baseUrl}bookstore; SameSite=Lax`;
