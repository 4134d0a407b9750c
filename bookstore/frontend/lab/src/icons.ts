// The clock that runs back stands for versions, the arrow that leaves for publishing.

import { LabIcon } from '@jupyterlab/ui-components';

function icon(name: string, paths: string): LabIcon {
  const svgstr =
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
    '<g style="stroke: var(--jp-inverse-layout-color3)" fill="none" stroke-width="2"' +
    ` stroke-linecap="round" stroke-linejoin="round">${paths}</g></svg>`;
  return new LabIcon({ name: `bookstore:${name}`, svgstr });
}

export const historyIcon = icon(
  'history',
  '<path d="M4 12a8 8 0 1 0 2.5-5.8"/><path d="M4 4v4h4"/><path d="M12 8v4.5l3 2"/>'
);

export const publishIcon = icon(
  'publish',
  '<path d="M13 5h6v6"/><path d="M19 5l-9 9"/><path d="M17 14v5H5V7h5"/>'
);
