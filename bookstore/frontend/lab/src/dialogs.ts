// What is asked before a version is restored or named, and said after a notebook was published.

import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { ILabel, IPublished } from './api';

const BADGE = 'https://img.shields.io/badge/bookstore-clone-blue'; // as `jupyter bookstore link`

/**
 * Ask whether, and where, to restore a version.
 *
 * @param saved - When it was saved.
 * @param others - In how many other windows the notebook is edited.
 */
export async function askRestore(
  saved: string,
  others: number,
  trans: TranslationBundle
): Promise<'restore' | 'copy' | null> {
  const told = [
    trans.__('What is there now is saved as a version first, so you can go back to it.')
  ];
  if (others) {
    told.unshift(
      trans._n(
        'It is edited in %1 other window, too, which then shows the restored version.',
        'It is edited in %1 other windows, too, which then show the restored version.',
        others
      )
    );
    told.push(trans.__('A copy does not change them.'));
  }
  const answer = await showDialog({
    title: trans.__('Restore the version of %1?', saved),
    body: told.join(' '),
    buttons: [
      Dialog.cancelButton(),
      // It looks like Cancel, as one button alone stands out.
      Dialog.createButton({ label: trans.__('Restore as a Copy'), actions: ['copy'], accept: false }),
      Dialog.okButton({ label: trans.__('Restore') })
    ],
    defaultButton: others ? 1 : 2
  });
  if (answer.button.actions.includes('copy')) {
    return 'copy';
  }
  return answer.button.accept ? 'restore' : null;
}

/** Ask for the name of a version and a note; resolve to null where they are to stay as they are. */
export async function askName(
  trans: TranslationBundle,
  current: ILabel = { name: '', note: '' }
): Promise<ILabel | null> {
  const name = field(current.name, trans.__('sent to Ann'), 100);
  const note = field(current.note, trans.__('without the last plot'), 300);
  const body = new Widget();
  body.addClass('jp-BookstoreFields');
  const hint = document.createElement('p');
  hint.textContent = trans.__('Everybody who reads the archive sees them.');
  body.node.append(labelled(trans.__('Name'), name), labelled(trans.__('Note'), note), hint);
  const answer = await showDialog({
    title: trans.__('Name of this version'),
    body,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Save') })],
    focusNodeSelector: 'input'
  });
  const given = { name: name.value.trim(), note: note.value.trim() };
  const isSame = given.name === current.name && given.note === current.note;
  return answer.button.accept && !isSame ? given : null;
}

/** Show the link to a published notebook. */
export async function showPublished(
  { clone_url: link, note }: IPublished,
  trans: TranslationBundle
): Promise<void> {
  const body = new Widget();
  body.addClass('jp-BookstoreFields');
  const text = document.createElement('p');
  text.textContent =
    note || trans.__('Whoever opens this link can look at the notebook and clone it.');
  const badge = `[![Clone this notebook](${BADGE})](${link})`;
  body.node.append(
    text,
    copyable(trans.__('Link'), link, trans),
    copyable(trans.__('Markdown badge'), badge, trans)
  );
  const buttons = [Dialog.okButton({ label: trans.__('Close') })];
  await showDialog({ title: trans.__('Published'), body, buttons });
}

function copyable(label: string, text: string, trans: TranslationBundle): HTMLElement {
  const shown = field(text);
  shown.readOnly = true;
  const button = document.createElement('button');
  button.className = 'jp-mod-styled jp-mod-accept';
  button.textContent = trans.__('Copy');
  button.onclick = event => {
    event.preventDefault();
    Clipboard.copyToSystem(text);
    sayCopied(button, trans);
  };
  return labelled(label, shown, button);
}

/** Say on a button, for a moment, that it has copied. */
export function sayCopied(button: HTMLButtonElement, trans: TranslationBundle): void {
  const label = button.textContent;
  button.textContent = trans.__('Copied');
  setTimeout(() => (button.textContent = label), 2000);
}

function field(value: string, placeholder = '', maxLength = 1000): HTMLInputElement {
  const input = document.createElement('input');
  input.className = 'jp-mod-styled';
  input.placeholder = placeholder;
  input.maxLength = maxLength;
  input.value = value;
  return input;
}

function labelled(label: string, ...fields: HTMLElement[]): HTMLElement {
  const group = document.createElement('label');
  group.append(label, ...fields);
  return group;
}
