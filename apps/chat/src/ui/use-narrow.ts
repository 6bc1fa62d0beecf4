// Whether one pane is shown at a time, as in the style sheet.

import { useSyncExternalStore } from 'react';

const narrow = '(width < 720px)';

export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => matchMedia(narrow).matches);
}

function subscribe(listener: () => void): () => void {
  const query = matchMedia(narrow);
  query.addEventListener('change', listener);
  return () => query.removeEventListener('change', listener);
}
