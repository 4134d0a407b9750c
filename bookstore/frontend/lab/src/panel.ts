// The side panel: the versions of the notebook that is in front, and what can be done with each.

import { Clipboard, Dialog, Notification, showErrorMessage } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { historyIcon } from './icons';
import { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import {
  getChanges,
  getHistory,
  getNotebook,
  IVersion,
  nameVersion,
  pageUrl,
  publish,
  restore
} from './api';
import { Replacements } from './replacements';
import { askName, askRestore, sayCopied, showPublished } from './dialogs';
import { Monitor } from './monitor';

const BURST_GAP = 10 * 60 * 1000; // ms between saves of one burst, at most
const BURST_SIZE = 4; // versions from which a burst is folded

export class VersionsPanel extends Widget {
  /**
   * @param tracker - Tells which notebook is in front.
   * @param monitor - Tells when the versions may have changed.
   * @param replaced - Tells other windows what was restored.
   * @param show - Shows a page, under a title.
   * @param open - Opens a notebook.
   */
  constructor(
    private _tracker: INotebookTracker,
    private _monitor: Monitor,
    private _replaced: Replacements,
    private _show: (url: string, title: string) => void,
    private _open: (path: string) => Promise<unknown>,
    private _trans: TranslationBundle
  ) {
    super();
    this.id = 'bookstore-versions';
    this.addClass('jp-BookstoreVersions');
    this.title.icon = historyIcon;
    this.title.caption = _trans.__('Versions');
    _tracker.currentChanged.connect(() => this.update(), this);
    _monitor.changed.connect(() => this.update(), this);
    _replaced.changed.connect(() => _monitor.check(), this);
  }

  protected onAfterShow(msg: Message): void {
    this.update();
  }

  protected onUpdateRequest(msg: Message): void {
    if (this.isVisible) {
      void this._load();
    }
  }

  private get _path(): string {
    return this._tracker.currentWidget?.context.path ?? '';
  }

  private async _load(): Promise<void> {
    const path = this._path;
    if (!path) {
      this._fill(
        paragraph(this._trans.__('Open a notebook to see its versions.')),
        this._button(this._trans.__('All notebooks, deleted ones too'), () =>
          this._show(pageUrl(''), 'Bookstore')
        )
      );
      return;
    }
    if (path !== this._listed.path) {
      this._fill(headingOf(path), paragraph(this._trans.__('Looking for its versions…'), 'status'));
    }
    try {
      const history = await getHistory(path);
      if (path === this._path) {
        this._listed = { path, versions: history.versions, next: history.next };
        this._render(history.problem);
      }
    } catch (error) {
      this._fill(headingOf(path), paragraph((error as Error).message, 'alert'));
    }
  }

  private async _loadMore(): Promise<void> {
    const { path, versions, next } = this._listed;
    const history = await getHistory(path, next);
    if (path === this._path) {
      this._listed = { path, versions: [...versions, ...history.versions], next: history.next };
      this._render(history.problem);
    }
  }

  private _render(problem: string | null): void {
    const { path, versions, next } = this._listed;
    const parts: HTMLElement[] = [headingOf(path)];
    this._minutes = new Map();
    for (const minute of versions.map(minuteOf)) {
      this._minutes.set(minute, (this._minutes.get(minute) ?? 0) + 1);
    }
    if (problem) {
      const known = this._trans.__('The list has only the versions that this machine knows.');
      parts.push(paragraph(`${problem} ${known}`, 'alert'));
    }
    if (!versions.length) {
      parts.push(paragraph(this._trans.__('No versions yet: each save becomes one.')));
    }
    for (const day of split(versions, (older, newer) => dayOf(older) !== dayOf(newer))) {
      const title = document.createElement('h3');
      title.textContent = this._dayInWords(day[0]);
      parts.push(title);
      for (const burst of split(day, isApart)) {
        parts.push(this._renderBurst(burst));
      }
    }
    if (next) {
      parts.push(this._button(this._trans.__('Older versions'), () => this._loadMore()));
    }
    this._fill(...parts);
  }

  private _renderBurst(versions: IVersion[]): HTMLElement {
    const list = document.createElement('ul');
    const isBurst = versions.length >= BURST_SIZE;
    list.append(...versions.map(version => this._renderVersion(version)));
    if (!isBurst) {
      return list;
    }
    const fold = document.createElement('details');
    const key = versions[versions.length - 1].version_id; // of the oldest: it stays
    const isSelected = versions.some(version => version.version_id === this._selected);
    const isNewest = versions[0] === this._listed.versions[0];
    fold.open = this._unfolded.get(key) ?? (isNewest || isSelected);
    fold.ontoggle = () => this._unfolded.set(key, fold.open);
    const summary = document.createElement('summary');
    const [from, until] = [timeOf(versions[versions.length - 1]), timeOf(versions[0])];
    const times = from === until ? from : `${from}–${until}`;
    summary.textContent = this._trans.__('%1 saves, %2', versions.length, times);
    fold.append(summary, list);
    return fold;
  }

  private _renderVersion(version: IVersion): HTMLElement {
    const item = document.createElement('li');
    const isSelected = version.version_id === this._selected;
    const button = document.createElement('button');
    button.className = 'jp-BookstoreVersions-version';
    button.setAttribute('aria-expanded', String(isSelected));
    button.title = new Date(version.saved_at).toLocaleString();
    const time = document.createElement('time');
    time.dateTime = version.saved_at;
    time.textContent = this._timeOf(version);
    const details = document.createElement('span');
    details.textContent = [this._stateInWords(version), version.author, sizeOf(version)]
      .filter(Boolean)
      .join(' · ');
    if (version.name) {
      const name = document.createElement('strong');
      name.textContent = version.name;
      details.prepend(name, ' · ');
    }
    button.append(time, details);
    if (version.note) {
      button.append(line(version.note, 'note'));
    }
    button.append(this._renderChanges(version));
    button.onclick = () => {
      this._selected = isSelected ? '' : version.version_id;
      this._render(null);
      this.node.querySelector<HTMLElement>('[aria-expanded=true]')?.focus();
    };
    item.append(button);
    if (isSelected) {
      item.append(this._renderActions(version));
    }
    return item;
  }

  /** Say what changed in a version, as soon as somebody looks there. */
  private _renderChanges(version: IVersion): HTMLElement {
    let node = this._changes.get(version.version_id);
    if (!node) {
      node = line(version.changes ?? '', 'changes');
      this._changes.set(version.version_id, node);
      if (version.changes === null && version.before) {
        this._unknown.set(node, version);
        this._seen.observe(node);
      }
    }
    return node;
  }

  private _renderActions(version: IVersion): HTMLElement {
    const trans = this._trans;
    const actions = document.createElement('div');
    actions.className = 'jp-BookstoreVersions-actions';
    if (version.state === 'deleted') {
      actions.append(paragraph(trans.__('Here the notebook was deleted in the bucket.')));
      return actions;
    }
    const { path } = this._listed;
    const name = path.split('/').pop();
    const title = `${this._timeOf(version)} ${name}`; // tabs are cut off at the end
    actions.append(
      this._button(trans.__('View'), () =>
        this._show(pageUrl('view', path, { version_id: version.version_id }), title)
      ),
      this._button(trans.__('Compare with now'), () => {
        if (this._tracker.currentWidget?.context.model.dirty) {
          const told = trans.__('Unsaved changes are not compared: now is the last save.');
          Notification.info(told, { autoClose: 5000 });
        }
        this._show(pageUrl('diff', path, { base: version.version_id }), `${title} ↔`);
      }),
      this._button(trans.__('Restore'), () => this._restore(version)),
      this._button(trans.__('Name…'), async () => {
        const label = await askName(trans, version);
        if (label) {
          await nameVersion(path, label, version.version_id);
          this.update();
        }
      }),
      this._button(trans.__('Publish'), async () => {
        const notebook = await getNotebook(path, version.version_id);
        await showPublished(await publish(path, notebook), trans);
      })
    );
    if (version.before) {
      const compared = { base: version.before, head: version.version_id };
      const changes = this._button(trans.__('What changed'), () =>
        this._show(pageUrl('diff', path, compared), `${title} ↔`)
      );
      actions.children[0].after(changes);
    }
    if (version.clone_url) {
      const link = version.clone_url;
      actions.append(
        this._button(trans.__('Copy link'), button => {
          Clipboard.copyToSystem(link);
          sayCopied(button, trans);
        })
      );
    }
    return actions;
  }

  private async _restore(version: IVersion): Promise<void> {
    const trans = this._trans;
    const panel = this._tracker.currentWidget;
    if (!panel) {
      return;
    }
    const saved = new Date(version.saved_at).toLocaleString();
    const answer = await askRestore(saved, otherWindows(panel), trans);
    if (answer === 'restore') {
      await restoreInto(panel, version.version_id);
      this._replaced.tell(panel.context.path);
      this._selected = '';
      this._monitor.check();
      await this._open(panel.context.path); // a version may be shown in front of it
      Notification.success(
        trans.__('Restored the version of %1. What was here before is among the versions.', saved),
        { autoClose: 5000 }
      );
    } else if (answer === 'copy') {
      const { path } = this._listed;
      const copy = path.replace(/(\.[^./]+)?$/, '-restored$1');
      await restore(path, version.version_id, copy);
      this._replaced.tell(copy);
      await this._open(copy);
    }
  }

  private _button(
    label: string,
    action: (button: HTMLButtonElement) => void | Promise<void>
  ): HTMLButtonElement {
    const button = document.createElement('button');
    button.className = 'jp-mod-styled jp-mod-minimal';
    button.textContent = label;
    button.onclick = async () => {
      button.disabled = true;
      try {
        await action(button);
      } catch (error) {
        await showErrorMessage(label, error as Error, [Dialog.okButton()]);
      } finally {
        button.disabled = false;
      }
    };
    return button;
  }

  private _stateInWords(version: IVersion): string {
    switch (version.state) {
      case 'pending':
        return this._trans.__('on its way');
      case 'deleted':
        return this._trans.__('deleted');
      default:
        return '';
    }
  }

  private _dayInWords(version: IVersion): string {
    const yesterday = new Date();
    yesterday.setDate(yesterday.getDate() - 1);
    switch (dayOf(version)) {
      case new Date().toDateString():
        return this._trans.__('Today');
      case yesterday.toDateString():
        return this._trans.__('Yesterday');
    }
    const day = new Date(version.saved_at);
    return day.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
  }

  /** Ask what changed in those versions that came into view, for one after the other. */
  private async _tellChanges(nodes: Element[]): Promise<void> {
    const { path } = this._listed;
    for (const node of nodes) {
      const version = this._unknown.get(node);
      if (version && path === this._path) {
        this._seen.unobserve(node);
        // without the words the list is complete, too
        node.textContent = await getChanges(path, version).catch(() => '');
      }
    }
  }

  /** Write a time with seconds where another version is of the same minute. */
  private _timeOf(version: IVersion): string {
    return timeOf(version, (this._minutes.get(minuteOf(version)) ?? 0) > 1);
  }

  private _fill(...parts: HTMLElement[]): void {
    const top = this.node.scrollTop;
    this.node.replaceChildren(...parts);
    this.node.scrollTop = top;
  }

  private _listed: { path: string; versions: IVersion[]; next: string | null } = {
    path: '',
    versions: [],
    next: null
  };
  private _selected = ''; // a version id
  private _minutes = new Map<number, number>(); // how many versions are of each
  private _changes = new Map<string, HTMLElement>(); // what says what changed, by version id
  private _unknown = new WeakMap<Element, IVersion>(); // whose changes nobody has asked for yet
  private _seen = new IntersectionObserver(entries => {
    const nodes = entries.filter(entry => entry.isIntersecting).map(entry => entry.target);
    void this._tellChanges(nodes);
  });
  private _unfolded = new Map<string, boolean>(); // bursts that were folded or unfolded by hand
}

/** Count the other windows in which people edit a notebook together with this one. */
function otherWindows({ context: { model } }: NotebookPanel): number {
  const shared = model.sharedModel as { awareness?: { getStates(): Map<number, object> } };
  return model.collaborative ? Math.max((shared.awareness?.getStates().size ?? 1) - 1, 0) : 0;
}

/** Restore a version in place of an open notebook, and show it there. */
async function restoreInto(panel: NotebookPanel, versionId: string): Promise<void> {
  const { context } = panel;
  if (context.model.dirty) {
    await context.save(); // what was not saved becomes a version, too
  }
  await restore(context.path, versionId);
  if (!context.model.collaborative) {
    await context.revert(); // else it comes to all windows
  }
}

/** Split a list where two neighbours, newest first, do not belong together. */
function split(
  versions: IVersion[],
  isEnd: (older: IVersion, newer: IVersion) => boolean
): IVersion[][] {
  const parts: IVersion[][] = [];
  for (const version of versions) {
    const last = parts[parts.length - 1];
    if (last && !isEnd(version, last[last.length - 1])) {
      last.push(version);
    } else {
      parts.push([version]);
    }
  }
  return parts;
}

/** Tell whether two neighbours belong to no one burst; what has a name is always seen. */
function isApart(older: IVersion, newer: IVersion): boolean {
  const gap = Date.parse(newer.saved_at) - Date.parse(older.saved_at);
  return gap > BURST_GAP || older.name !== '' || newer.name !== '';
}

function dayOf(version: IVersion): string {
  return new Date(version.saved_at).toDateString();
}

function minuteOf(version: IVersion): number {
  return Math.floor(Date.parse(version.saved_at) / 60_000);
}

function timeOf(version: IVersion, withSeconds = false): string {
  const second = withSeconds ? '2-digit' : undefined;
  const format = { hour: '2-digit', minute: '2-digit', second } as const;
  return new Date(version.saved_at).toLocaleTimeString([], format);
}

function sizeOf(version: IVersion): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let size = version.size;
  while (size >= 1000 && units.length > 1) {
    size /= 1000;
    units.shift();
  }
  return `${size < 10 && units[0] !== 'B' ? size.toFixed(1) : Math.round(size)} ${units[0]}`;
}

function headingOf(path: string): HTMLElement {
  const heading = document.createElement('h2');
  heading.textContent = path.split('/').pop() ?? '';
  heading.title = path;
  return heading;
}

function line(text: string, kind: string): HTMLElement {
  const node = document.createElement('span');
  node.className = `jp-BookstoreVersions-${kind}`;
  node.textContent = text;
  return node;
}

function paragraph(text: string, role = ''): HTMLElement {
  const node = document.createElement('p');
  node.textContent = text;
  if (role) {
    node.setAttribute('role', role);
  }
  return node;
}
