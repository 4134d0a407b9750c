// What is asked before a version is restored or named, and said after a notebook was published.

import { Clipboard, Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { IPublished } from './api';

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
    trans.__('What is there now becomes a version before, so that you can go back to it.')
  ];
  if (others) {
    told.unshift(
      trans._n(
        'It is edited in %1 other window, too, which then shows the restored version.',
        'It is edited in %1 other windows, too, which then show the restored version.',
        others
      )
    );
    told.push(trans.__('A copy leaves them alone.'));
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

/** Ask for the name of a version; resolve to null where it is to stay as it is. */
export async function askName(trans: TranslationBundle, current = ''): Promise<string | null> {
  const answer = await InputDialog.getText({
    title: trans.__('Name of this version'),
    label: trans.__('Everybody who reads the archive sees it.'),
    text: current,
    placeholder: trans.__('sent to Ann'),
    okLabel: trans.__('Save'),
    required: !current // an empty one takes the name away
  });
  return answer.button.accept ? answer.value : null;
}

/** Show the link to a published notebook. */
export async function showPublished(
  { clone_url: link, note }: IPublished,
  trans: TranslationBundle
): Promise<void> {
  const body = new Widget();
  body.addClass('jp-BookstorePublished');
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
  const field = document.createElement('input');
  field.className = 'jp-mod-styled';
  field.readOnly = true;
  field.value = text;
  const button = document.createElement('button');
  button.className = 'jp-mod-styled jp-mod-accept';
  button.textContent = trans.__('Copy');
  button.onclick = event => {
    event.preventDefault();
    Clipboard.copyToSystem(text);
    button.textContent = trans.__('Copied');
  };
  const group = document.createElement('label');
  group.append(label, field, button);
  return group;
}
