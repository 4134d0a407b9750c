// How archiving goes: asked after a save, and then until nothing waits.

import { ISignal, Signal } from '@lumino/signaling';

import { getStatus, IStatus } from './api';

const FIRST_DELAY = 1000; // ms; the uploader waits about as long for another save
const LONGEST_DELAY = 15000; // ms; that of the uploader's own attempts

export class Monitor {
  /** The status, or what went wrong when it was asked for. */
  get changed(): ISignal<this, IStatus | Error> {
    return this._changed;
  }

  /** Follow the archiving of a save. */
  check(delay = FIRST_DELAY): void {
    clearTimeout(this._timer);
    const current = ++this._checks;
    getStatus()
      .catch((error: Error) => error)
      .then(status => {
        if (current !== this._checks) {
          return; // a save has come meanwhile, and asks for itself
        }
        this._changed.emit(status);
        if (!(status instanceof Error) && status.archive.pending) {
          const next = Math.min(2 * delay, LONGEST_DELAY);
          this._timer = window.setTimeout(() => whenSeen(() => this.check(next)), delay);
        }
      });
  }

  private _changed = new Signal<this, IStatus | Error>(this);
  private _checks = 0;
  private _timer = 0;
}

/** Wait until a hidden window is seen: nobody reads it, and a JupyterHub takes each request for activity. */
function whenSeen(action: () => void): void {
  if (document.hidden) {
    document.addEventListener('visibilitychange', action, { once: true });
  } else {
    action();
  }
}
