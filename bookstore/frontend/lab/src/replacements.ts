// Notebooks whose file was replaced, here or in another window, and what those who have them open hear.

import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import { basePath } from './api';

export class Replacements {
  /** The path of a file that was replaced in another window. */
  get changed(): ISignal<this, string> {
    return this._changed;
  }

  constructor(
    private _tracker: INotebookTracker,
    private _trans: TranslationBundle
  ) {
    this._channel.onmessage = ({ data: path }) => void this._onChanged(path);
  }

  /** Tell the other windows that a file was replaced. */
  tell(path: string): void {
    this._channel.postMessage(path);
  }

  /** Say where a notebook that is edited together was replaced; jupyter-collaboration tells. */
  hear(event: object): void {
    const { action, path, schema_id: schema } = event as Record<string, unknown>;
    if (action !== 'overwrite' || !String(schema).includes('jupyter_collaboration')) {
      return;
    }
    const panel = this._tracker.find(({ context }) => context.path === path);
    if (panel) {
      this._changed.emit(panel.context.path);
      const name = PathExt.basename(panel.context.path);
      Notification.dismiss(this._told); // one is enough
      this._told = Notification.info(
        this._trans.__('%1 was replaced on disk, and this window shows what is there now.', name) +
          ' ' +
          this._trans.__('What was here before is among its versions.'),
        { autoClose: false }
      );
    }
  }

  private async _onChanged(path: string): Promise<void> {
    this._changed.emit(path);
    const panel = this._tracker.find(({ context }) => context.path === path);
    // Those of a notebook that is edited together see it there.
    if (panel && !panel.context.model.collaborative && (await this._confirm(panel))) {
      await panel.context.revert();
    }
  }

  private async _confirm({ context }: NotebookPanel): Promise<boolean> {
    const trans = this._trans;
    const told = trans.__('A version, or a cell of one, was restored. Reload the notebook to see it.');
    const unsaved = trans.__('Unsaved changes in this window would be lost.');
    const answer = await showDialog({
      title: trans.__('%1 was changed elsewhere', PathExt.basename(context.path)),
      body: context.model.dirty ? `${told} ${unsaved}` : told,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Not now') }),
        Dialog.okButton({ label: trans.__('Reload') })
      ],
      defaultButton: context.model.dirty ? 0 : 1
    });
    return answer.button.accept;
  }

  private _told = '-'; // the id of a notification; empty, it would mean all
  private _changed = new Signal<this, string>(this);
  private _channel = new BroadcastChannel(`bookstore:${basePath()}`);
}
