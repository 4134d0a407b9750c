// Versions and Publish in the classic notebook, and the archive's state beside "Last Checkpoint".

define([
  "jquery",
  "base/js/namespace",
  "base/js/events",
  "base/js/utils",
  "base/js/dialog",
], function ($, Jupyter, events, utils, dialog) {
  "use strict";

  const FIRST_DELAY = 1000; // ms; the uploader waits about as long for another save
  const LONGEST_DELAY = 15000; // ms; that of the uploader's own attempts

  const BADGE = "https://img.shields.io/badge/bookstore-clone-blue"; // as `jupyter bookstore link`

  // Not of the class autosave_status: the notebook writes its own text into that.
  const state = $("<span/>").attr({ id: "bookstore_status", role: "status" });
  let timer = 0;
  let checks = 0;

  function url(...parts) {
    return utils.url_path_join(Jupyter.notebook.base_url, ...parts);
  }

  function notebookPath() {
    return utils.encode_uri_components(Jupyter.notebook.notebook_path);
  }

  function openVersions() {
    // noopener: the page needs no hold of this window.
    window.open(url("bookstore/versions", notebookPath()), "_blank", "noopener");
  }

  function showDialog(title, body) {
    dialog.modal({
      title,
      body,
      notebook: Jupyter.notebook,
      keyboard_manager: Jupyter.keyboard_manager,
      buttons: { OK: { class: "btn-primary" } },
    });
  }

  function showPublished(published) {
    const link = published.clone_url;
    const badge = `[![Clone this notebook](${BADGE})](${link})`;
    const body = $("<div/>").append(
      $("<p/>").css("overflow-wrap", "anywhere").text(
        published.note || "Whoever opens this link can look at the notebook and clone it.",
      ),
      copyable("Link", link),
      copyable("Markdown badge", badge),
    );
    showDialog("Published", body);
  }

  function copyable(label, text) {
    const field = $("<input/>").addClass("form-control").attr("readonly", true).val(text);
    const button = $("<button/>").attr("type", "button").addClass("btn btn-default").text("Copy");
    button.on("click", () => {
      field.trigger("select");
      document.execCommand("copy"); // navigator.clipboard is missing where there is no TLS
      button.text("Copied");
      setTimeout(() => button.text("Copy"), 2000);
    });
    const group = $("<div/>")
      .addClass("input-group")
      .append(field, $("<span/>").addClass("input-group-btn").append(button));
    return $("<label/>").css("width", "100%").append(document.createTextNode(label), group);
  }

  function send(type, route, model) {
    return utils.promising_ajax(url("api/bookstore", route, notebookPath()), {
      type,
      contentType: "application/json",
      dataType: "json",
      processData: false,
      data: JSON.stringify(model),
    });
  }

  function reasonOf(error) {
    return error.xhr && !error.xhr.status ? "The server does not answer." : error.message;
  }

  function publish() {
    const model = { type: "notebook", content: Jupyter.notebook.toJSON() };
    return send("PUT", "publish", model).then(showPublished, (error) =>
      showDialog("Not published", reasonOf(error)),
    );
  }

  function nameSaved(label) {
    return Jupyter.notebook.save_notebook().then(() => send("POST", "name", label));
  }

  function saveNamed() {
    const textField = (label, placeholder, maxlength) =>
      $("<input/>").attr({ placeholder, maxlength, "aria-label": label }).addClass("form-control");
    const nameField = textField("Name of this version", "sent to Ann", 100);
    const noteField = textField("Note", "without the last plot", 300).css("margin-top", "1ex");
    const save = () => {
      const label = { name: nameField.val().trim(), note: noteField.val().trim() };
      if (label.name) {
        nameSaved(label).catch((error) => showDialog("Not named", reasonOf(error)));
      }
    };
    dialog.modal({
      title: "Save a named version",
      body: $("<div/>").append(
        $("<p/>").text("Everybody who reads the archive sees the name and the note."),
        nameField,
        noteField,
      ),
      notebook: Jupyter.notebook,
      keyboard_manager: Jupyter.keyboard_manager,
      default_button: "Save",
      buttons: { Cancel: {}, Save: { class: "btn-primary", click: save } },
      open: () => nameField.trigger("focus"),
    });
  }

  function describe(status) {
    const { pending, last_archived: archived, last_error: error } = status.archive;
    const failing = error && (!archived || error.at > archived.archived_at);
    if (!status.features.archive_valid) {
      return ["not archived", status.description];
    }
    if (pending) {
      const saves = pending === 1 ? "1 save" : `${pending} saves`;
      return [`${saves} waiting`, failing ? error.message : "They are on their way to the store."];
    }
    if (failing) {
      return [`not archived: ${error.message}`, error.message];
    }
    if (!archived) {
      return ["", ""];
    }
    const at = new Date(archived.archived_at);
    const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return [`archived ${time}`, at.toLocaleString()];
  }

  function show(text, title) {
    state.text(text && `(${text})`).attr("title", title);
  }

  // In a hidden window nobody reads the state, and a JupyterHub takes each request for activity.
  function whenSeen(action) {
    if (document.hidden) {
      document.addEventListener("visibilitychange", action, { once: true });
    } else {
      action();
    }
  }

  // Ask after a save, then ever more rarely until nothing waits.
  function check(delay) {
    const current = ++checks;
    utils.promising_ajax(url("api/bookstore"), { dataType: "json", cache: false }).then(
      (status) => {
        if (current !== checks) {
          return; // a save has come meanwhile, and asks for itself
        }
        show(...describe(status));
        if (status.archive.pending) {
          const again = () => check(Math.min(2 * delay, LONGEST_DELAY));
          timer = setTimeout(whenSeen, delay, again);
        }
      },
      (error) => current === checks && show("archive unknown", reasonOf(error)),
    );
  }

  function onSaved() {
    clearTimeout(timer);
    check(FIRST_DELAY);
  }

  // A page, or another window, has put something else in the place of a file.
  function onChanged({ data: path }) {
    if (path !== Jupyter.notebook.notebook_path) {
      return;
    }
    const unsaved = Jupyter.notebook.dirty
      ? " Unsaved changes in this window would be lost."
      : "";
    dialog.modal({
      title: "This notebook was changed elsewhere",
      body: `A version, or a cell of one, was restored. Reload the notebook to see it.${unsaved}`,
      notebook: Jupyter.notebook,
      keyboard_manager: Jupyter.keyboard_manager,
      default_button: "Not now",
      buttons: { "Not now": {}, Reload: { class: "btn-primary", click: reload } },
    });
  }

  function reload() {
    Jupyter.notebook.set_dirty(false); // or the browser asks once more
    location.reload();
  }

  function addMenuItem(name, action) {
    const link = $("<a/>").attr({ href: "#", role: "menuitem" }).text(name);
    link.on("click", (event) => {
      event.preventDefault();
      action();
    });
    $("#restore_checkpoint").after($("<li/>").attr("role", "none").append(link));
  }

  function load_ipython_extension() {
    const actions = [
      ["Publish", "fa-share-alt", "publish this notebook and get a link to it", publish],
      ["Versions", "fa-history", "show the versions of this notebook", openVersions],
    ];
    Jupyter.actions.register(
      { help: "save this notebook and give the version a name", handler: saveNamed },
      "save-named-version",
      "bookstore",
    );
    addMenuItem("Save Named Version…", saveNamed);
    const buttons = actions.map(([label, icon, help, handler]) => {
      const name = label.toLowerCase();
      const action = Jupyter.actions.register({ help, icon, handler }, name, "bookstore");
      addMenuItem(label, handler);
      return { action, label };
    });
    Jupyter.toolbar.add_buttons_group(buttons.reverse(), "bookstore");
    $("#save_widget").append(" ", state);
    events.on("notebook_saved.Notebook", onSaved);
    new BroadcastChannel(`bookstore:${Jupyter.notebook.base_url}`).onmessage = onChanged;
  }

  return { load_ipython_extension };
});
