// What a browser reports of the network and of the page being visible. Other runtimes report nothing.

export interface NetworkSignals {
  /** `run` is called when a waiting attempt should start now: back online, or the page is visible again. */
  onHopeful(run: () => void): () => void;
  /** `run` is called when the machine has lost its network. */
  onOffline(run: () => void): () => void;
}

export const browserSignals: NetworkSignals = {
  onHopeful(run) {
    const visible = () => {
      if (document.visibilityState === 'visible') run();
    };
    const stops = [listen(globalThis, 'online', run)];
    if (typeof document !== 'undefined') stops.push(listen(document, 'visibilitychange', visible));
    return () => {
      for (const stop of stops) stop();
    };
  },
  onOffline: (run) => listen(globalThis, 'offline', run),
};

function listen(target: Partial<EventTarget>, event: string, run: () => void): () => void {
  target.addEventListener?.(event, run);
  return () => target.removeEventListener?.(event, run);
}
