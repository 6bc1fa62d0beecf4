// The page that is open stands in the address (#/profiles/<id>), so that the back button and a reload keep it.

import { useSyncExternalStore } from 'react';

/** ['profiles', '<id>']; empty at the beginning. */
export function useRoute(): readonly string[] {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return routeIn(hash);
}

export const hrefOf = (...parts: readonly string[]): string => `#/${parts.map(encodeURIComponent).join('/')}`;

export function routeIn(hash: string): readonly string[] {
  const parts = hash.replace(/^#?\/?/, '').split('/');
  try {
    return parts.filter((part) => part !== '').map(decodeURIComponent);
  } catch {
    return []; // no UTF-8 in percent escapes: no address that this page made
  }
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}
