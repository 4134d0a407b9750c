// A notebook's toolbar says whether the last save is archived.

import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { IStatus } from './api';
import { Monitor } from './monitor';

export class State extends Widget {
  constructor(monitor: Monitor, trans: TranslationBundle) {
    super({ node: document.createElement('span') });
    this.addClass('jp-BookstoreState');
    this.node.setAttribute('role', 'status');
    monitor.changed.connect((_, status) => {
      const [text, title] = describe(status, trans);
      this.node.textContent = text;
      this.node.title = title;
    }, this);
  }
}

/** Return a status in a few words, and in a sentence. */
function describe(status: IStatus | Error, trans: TranslationBundle): [string, string] {
  if (status instanceof Error) {
    return [trans.__('archive unknown'), status.message];
  }
  const { pending, last_archived: archived, last_error: error } = status.archive;
  const failing = error && (!archived || error.at > archived.archived_at);
  if (!status.features.archive_valid) {
    return [trans.__('not archived'), status.description];
  }
  if (pending) {
    const text = trans._n('%1 save waiting', '%1 saves waiting', pending);
    return [text, failing ? error.message : trans.__('They are on their way to the store.')];
  }
  if (failing) {
    return [trans.__('not archived'), error.message];
  }
  if (!archived) {
    return ['', ''];
  }
  const at = new Date(archived.archived_at);
  const time = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return [trans.__('archived %1', time), at.toLocaleString()];
}
