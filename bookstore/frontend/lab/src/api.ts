// Bookstore's HTTP API, as docs/openapi.yaml describes it.

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

export interface IStatus {
  description: string;
  features: { archive_valid: boolean; publish_valid: boolean };
  archive: {
    pending: number;
    last_archived: { archived_at: string } | null;
    last_error: { at: string; message: string } | null;
  };
}

/** What people call a version. */
export interface ILabel {
  name: string;
  note: string;
}

export interface IVersion extends ILabel {
  version_id: string;
  saved_at: string;
  size: number;
  author: string;
  state: 'archived' | 'pending' | 'deleted';
  clone_url: string | null;
  /** The id of the version before it; empty where there is none to compare with. */
  before: string;
  /** What changed since then, in words; null as long as nobody has asked. */
  changes: string | null;
}

export interface IHistory {
  versions: IVersion[];
  next: string | null;
  problem: string | null;
}

export interface IPublished {
  /** The link by which others clone the notebook. */
  clone_url: string;
  /** For whom it works, where that is not everybody. */
  note: string;
}

const settings = ServerConnection.makeSettings();

/** Return the URL of one of Bookstore's pages. */
export function pageUrl(route: string, path = '', query: Record<string, string> = {}): string {
  const url = URLExt.join(settings.baseUrl, 'bookstore', route, URLExt.encodeParts(path));
  return url + URLExt.objectToQueryString(query);
}

/** Return the path of the server's URL, with slashes around it. */
export function basePath(): string {
  return new URL(settings.baseUrl, location.href).pathname;
}

/** Return whether a URL is that of one of Bookstore's pages. */
export function isPage(url: string): boolean {
  return url.startsWith(new URL(`${basePath()}bookstore`, location.href).href);
}

/** Have pages follow the front end's theme, and write times in the browser's time zone. */
export function dressPages(): void {
  const path = `${basePath()}bookstore`;
  const theme = document.body.dataset.jpThemeLight === 'false' ? 'dark' : 'light';
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const cookie of [`bookstore-theme=${theme}`, `bookstore-time-zone=${zone}`]) {
    document.cookie = `${cookie}; path=${path}; SameSite=Lax`;
  }
}

/** Return how archiving goes. */
export function getStatus(): Promise<IStatus> {
  return ask('GET', '');
}

/** List versions of a notebook, newest first, those after a cursor. */
export function getHistory(path: string, after: string | null = null): Promise<IHistory> {
  return ask('GET', `versions/${URLExt.encodeParts(path)}`, after ? { after } : {});
}

/** Say in words what changed in a version since the one before. */
export async function getChanges(path: string, version: IVersion): Promise<string> {
  const query = { base: version.before, head: version.version_id };
  const route = `changes/${URLExt.encodeParts(path)}`;
  return (await ask<{ changes: string }>('GET', route, query)).changes;
}

/** Return the notebook that a version is. */
export async function getNotebook(path: string, versionId: string): Promise<unknown> {
  const query = { version_id: versionId };
  const model = await ask<{ content: unknown }>('GET', `versions/${URLExt.encodeParts(path)}`, query);
  return model.content;
}

/** Restore a version in its place or in another; what is there is archived first. */
export function restore(path: string, versionId: string, target = path): Promise<unknown> {
  const body = { version_id: versionId, target_path: target };
  return ask('POST', `restore/${URLExt.encodeParts(path)}`, {}, body);
}

/** Name a version, the newest if none is given by its id; an empty name takes it away. */
export function nameVersion(path: string, label: ILabel, versionId = ''): Promise<IVersion> {
  const body = { ...label, version_id: versionId };
  return ask('POST', `name/${URLExt.encodeParts(path)}`, {}, body);
}

/** Publish a notebook. */
export function publish(path: string, content: unknown): Promise<IPublished> {
  const body = { type: 'notebook', content };
  return ask('PUT', `publish/${URLExt.encodeParts(path)}`, {}, body);
}

async function ask<T>(
  method: string,
  route: string,
  query: Record<string, string> = {},
  body?: object
): Promise<T> {
  const url =
    URLExt.join(settings.baseUrl, 'api/bookstore', route) + URLExt.objectToQueryString(query);
  const init = { method, body: body && JSON.stringify(body) };
  const response = await ServerConnection.makeRequest(url, init, settings).catch(() => {
    throw new Error('The server does not answer.');
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(answer.message ?? `${response.status} ${response.statusText}`);
  }
  return answer;
}
