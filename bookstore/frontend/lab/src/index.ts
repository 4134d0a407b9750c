// Bookstore in JupyterLab 4 and Notebook 7: commands, a panel, and the archive's state.

import { ILabShell, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import {
  Dialog,
  ICommandPalette,
  IFrame,
  IToolbarWidgetRegistry,
  MainAreaWidget,
  showErrorMessage
} from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { dressPages, isPage, nameVersion, pageUrl, publish } from './api';
import { Replacements } from './replacements';
import { askName, showPublished } from './dialogs';
import { historyIcon, publishIcon } from './icons';
import { Monitor } from './monitor';
import { VersionsPanel } from './panel';
import { State } from './state';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'bookstore:plugin',
  description: 'Shows the versions of notebooks, and publishes them.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [
    ICommandPalette,
    IFileBrowserFactory,
    ILabShell,
    ILauncher,
    IToolbarWidgetRegistry,
    ITranslator
  ],
  activate
};

function activate(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  palette: ICommandPalette | null,
  browsers: IFileBrowserFactory | null,
  labShell: ILabShell | null,
  launcher: ILauncher | null,
  toolbars: IToolbarWidgetRegistry | null,
  translator: ITranslator | null
): void {
  const trans = (translator ?? nullTranslator).load('bookstore');
  const monitor = new Monitor();

  let viewer: MainAreaWidget<IFrame> | null = null;

  function show(url: string, title: string): void {
    dressPages();
    if (!labShell) {
      window.open(url, '_blank', 'noopener'); // Notebook 7 shows one document a window
      return;
    }
    if (!viewer || viewer.isDisposed) {
      const sandbox = [
        'same-origin',
        'scripts',
        'forms',
        'popups',
        'popups-to-escape-sandbox', // what opens beside it is a page like others
        'downloads'
      ];
      const content = new IFrame({
        sandbox: sandbox.map(what => `allow-${what}` as IFrame.SandboxExceptions)
      });
      viewer = new MainAreaWidget({ content });
      viewer.title.icon = historyIcon;
      viewer.title.closable = true;
      labShell.add(viewer, 'main', { mode: 'split-right', activate: false });
    }
    viewer.content.url = url;
    viewer.title.label = title;
    labShell.activateById(viewer.id);
  }

  const replacements = new Replacements(tracker, trans);
  app.serviceManager.events.stream.connect((_, event) => replacements.hear(event));
  const open = async (path: string) => {
    const shown = tracker.find(({ context }) => context.path === path);
    if (shown) {
      app.shell.activateById(shown.id); // Notebook 7 would open it in another window
    } else {
      await app.commands.execute('docmanager:open', { path });
    }
  };
  const panel = new VersionsPanel(tracker, monitor, replacements, show, open, trans);
  app.shell.add(panel, 'right', { rank: 850 });

  window.addEventListener('message', ({ data, source }) => {
    const frame = viewer?.content.node.querySelector('iframe');
    if (!frame?.contentWindow || source !== frame.contentWindow) {
      return;
    }
    if (typeof data?.open === 'string') {
      void open(data.open);
    } else if (typeof data?.show === 'string' && isPage(data.show)) {
      const { pathname } = new URL(data.show);
      show(data.show, PathExt.basename(decodeURIComponent(pathname)));
    }
  });

  tracker.widgetAdded.connect((_, notebook) => {
    notebook.context.saveState.connect((_, state) => state === 'completed' && monitor.check());
    notebook.context.pathChanged.connect(() => panel.update());
  });
  toolbars?.addFactory<NotebookPanel>('Notebook', 'bookstore-state', () => new State(monitor, trans));

  const isEnabled = () => tracker.currentWidget !== null;
  const commands: [string, string, string, typeof historyIcon | undefined, () => unknown][] = [
    [
      'bookstore:versions',
      trans.__('Versions'),
      trans.__('Show the versions of this notebook'),
      historyIcon,
      () => app.shell.activateById(panel.id)
    ],
    [
      'bookstore:publish',
      trans.__('Publish'),
      trans.__('Publish this notebook and get a link to it'),
      publishIcon,
      async () => {
        const { context } = tracker.currentWidget!;
        await showPublished(await publish(context.path, context.model.toJSON()), trans);
      }
    ],
    [
      'bookstore:save-named',
      trans.__('Save Named Version…'),
      trans.__('Save this notebook and give the version a name'),
      undefined,
      async () => {
        const { context } = tracker.currentWidget!;
        const label = await askName(trans);
        if (label?.name) {
          await context.save();
          await nameVersion(context.path, label);
          panel.update();
        }
      }
    ]
  ];
  for (const [id, label, caption, icon, action] of commands) {
    app.commands.addCommand(id, {
      label,
      caption,
      icon,
      isEnabled,
      execute: async () => {
        try {
          await action();
        } catch (error) {
          await showErrorMessage(label, error as Error, [Dialog.okButton()]);
        }
      }
    });
  }
  app.commands.addCommand('bookstore:open', {
    label: trans.__('All Archived Notebooks'),
    caption: trans.__('Show all notebooks in the archive'),
    icon: historyIcon,
    execute: () => {
      dressPages();
      window.open(pageUrl(''), '_blank', 'noopener');
    }
  });
  app.commands.addCommand('bookstore:versions-of-file', {
    label: trans.__('Versions'),
    icon: historyIcon,
    execute: () => {
      const item = browsers?.tracker.currentWidget?.selectedItems().next().value;
      if (item) {
        show(pageUrl('versions', item.path), `${item.name} · ${trans.__('Versions')}`);
      }
    }
  });
  for (const command of ['versions', 'publish', 'save-named', 'open']) {
    palette?.addItem({ command: `bookstore:${command}`, category: trans.__('Bookstore') });
  }
  launcher?.add({ command: 'bookstore:open', category: trans.__('Other') });
}

export default plugin;
