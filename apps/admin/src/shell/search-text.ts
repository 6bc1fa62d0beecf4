// What was searched for stands in the entry of the browser's history, so that the back button and a reload find it again.

import { useState } from 'react';

export function useSearchText(): readonly [text: string, search: (text: string) => void] {
  const [text, setText] = useState(kept);
  function search(next: string): void {
    history.replaceState({ search: next }, '');
    setText(next);
  }
  return [text, search];
}

function kept(): string {
  const { search } = (history.state ?? {}) as { readonly search?: unknown };
  return typeof search === 'string' ? search : '';
}
