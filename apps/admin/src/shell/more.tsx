// The button below a list that goes on.

import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';

export function More<T>({ of }: { readonly of: UseInfiniteQueryResult<InfiniteData<T>> }) {
  const t = useWords();
  if (!of.hasNextPage) return null;
  return (
    <p>
      <button
        type="button"
        className="button-small"
        disabled={of.isFetchingNextPage}
        onClick={() => void of.fetchNextPage()}
      >
        {t('app.more')}
      </button>
    </p>
  );
}
