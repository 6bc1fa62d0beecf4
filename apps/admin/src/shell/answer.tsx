// What a query has so far: its answer, or the words of its failure, or that it is on its way.

import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from './amounts.ts';

export function Answer<T>(props: { readonly of: UseQueryResult<T>; readonly children: (value: T) => ReactNode }) {
  const t = useWords();
  const { clockTime } = useAmounts();
  const { data, dataUpdatedAt } = props.of;
  const error = useFailure(props.of);
  return (
    <>
      {error &&
        (data === undefined ? (
          <Failure error={error} />
        ) : (
          <p className="stale" role="alert">
            <strong>{wordsOf(error)}</strong> {t('app.asOf', { time: clockTime(dataUpdatedAt) })}
          </p>
        ))}
      {data !== undefined ? props.children(data) : !error && <p className="quiet">{t('app.loading')}</p>}
    </>
  );
}

/** A query that never had an answer forgets its failure when it asks again: it stands here until there is one. */
export function useFailure({ data, error, errorUpdateCount }: UseQueryResult<unknown>): Error | null {
  const [last, setLast] = useState(error);
  if (error !== null && error !== last) setLast(error);
  const isUnanswered = data === undefined && errorUpdateCount > 0;
  return error ?? (isUnanswered ? last : null);
}

/** The server's own sentence says what is wrong and what to do; it is English in both languages, as in the log. */
export function Failure({ error }: { readonly error: unknown }) {
  return (
    <p className="problem" role="alert">
      {wordsOf(error)}
    </p>
  );
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
