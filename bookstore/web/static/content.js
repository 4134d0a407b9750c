// The only script that runs where a notebook's content is shown: keys, and pictures over each other.

const isFramed = window.parent !== window;
document.documentElement.classList.toggle("framed", isFramed);
document.documentElement.classList.toggle("beside-list", window.name === "shown");

// A frame without an origin gets no cookies where it leads itself: what is around it leads it on. Where
// a notebook links to is a page beside it.
function leadOn(event) {
  const link = event.target.closest("a[href]");
  const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey; // a tab of its own
  if (!link || link.target || isElsewhere || link.getAttribute("href").startsWith("#")) {
    return;
  }
  if (link.closest("article")) {
    link.target = "_blank";
    link.rel = "noopener";
  } else {
    event.preventDefault();
    window.parent.postMessage({ show: link.href }, "*");
  }
}

if (isFramed) {
  document.addEventListener("click", leadOn);
}

const changes = [...document.querySelectorAll("section.cells")];

// To the next change (1) or the one before (-1); between versions where these are on a page each.
function step(way) {
  if (!changes.length) {
    document.querySelector(`a[rel=${way > 0 ? "next" : "prev"}]`)?.click();
    return;
  }
  const tops = changes.map((change) => Math.round(change.getBoundingClientRect().top));
  const index = way > 0 ? tops.findIndex((top) => top > 1) : tops.findLastIndex((top) => top < -1);
  changes[index]?.scrollIntoView();
}

document.addEventListener("keydown", (event) => {
  const way = { n: 1, p: -1 }[event.key];
  if (way && !(event.ctrlKey || event.metaKey || event.altKey)) {
    step(way);
  }
});

window.addEventListener("message", ({ data }) => step(data.step)); // from the list of versions

for (const outputs of document.querySelectorAll(".outputs")) {
  const sides = [...outputs.children].map((side) => side.querySelectorAll("img, svg").length);
  if (sides.length !== 2 || sides.some((pictures) => pictures !== 1)) {
    continue;
  }
  const [label, choice, ends, slider] = ["label", "input", "span", "input"].map((tag) =>
    document.createElement(tag),
  );
  choice.type = "checkbox";
  slider.type = "range";
  slider.setAttribute("aria-label", "How much of the older one is seen");
  ends.append("older ", slider, " newer");
  ends.hidden = true;
  label.append(choice, " One over the other");
  choice.addEventListener("change", () => {
    outputs.classList.toggle("overlaid", choice.checked);
    ends.hidden = !choice.checked;
  });
  slider.addEventListener("input", () => outputs.style.setProperty("--seen", `${slider.value}%`));
  const controls = document.createElement("p");
  controls.className = "hint";
  controls.append(label, " ", ends);
  outputs.before(controls);
}
