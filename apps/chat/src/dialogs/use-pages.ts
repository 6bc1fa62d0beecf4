// A list that the server gives page by page and counts: more on demand, and read again when something of it changed.

import { useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { errorWords } from '../ui/error-words.ts';

export interface Page<T> {
  readonly items: readonly T[];
  /** All of them, not of this page. */
  readonly count: number;
  readonly next?: string | undefined;
}

export interface PageRequest {
  readonly after: string | undefined;
  readonly limit: number;
}

export interface Pages<T> {
  /** undefined: the first page is on its way. */
  readonly list: Page<T> | undefined;
  readonly problem: string | undefined;
  readonly more: () => void;
}

const firstSize = 50;
/** The most that the server gives at once by default. */
const pageSizeMax = 200;
const readAgainMax = 1_000;

type Read<T> = (request: PageRequest) => Promise<Page<T>>;

/** Begins anew with each other `read`; with each other `version` what is shown is read again. */
export function usePages<T>(read: Read<T>, version: number): Pages<T> {
  const { t } = useTranslation();
  const [{ list, problem }, setShown] = useState<Pick<Pages<T>, 'list' | 'problem'>>({
    list: undefined,
    problem: undefined,
  });
  const current = useRef<{ readonly read: Read<T>; readonly list: Page<T> | undefined }>(undefined);
  /** So many the user wants to see at least, also when a reading is overtaken by the next. */
  const wanted = useRef(firstSize);
  /** Counts readings: the answer to an earlier one is too late. */
  const reading = useRef(0);

  const run = useCallback(
    (load: () => Promise<Page<T>>) => {
      const number = ++reading.current;
      load().then(
        (page) => {
          if (number !== reading.current) return;
          current.current = { read, list: page };
          setShown({ list: page, problem: undefined });
        },
        (error: unknown) => {
          if (number === reading.current) setShown((shown) => ({ ...shown, problem: errorWords(error, t) }));
        },
      );
    },
    [read, t],
  );
  const more = useCallback(() => {
    const before = current.current?.list;
    if (before?.next === undefined) return;
    wanted.current = before.items.length + pageSizeMax;
    run(() => readOn(before, wanted.current, read));
  }, [read, run]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another version is read again
  useEffect(() => {
    const isSame = current.current?.read === read;
    if (!isSame) {
      wanted.current = firstSize;
      setShown({ list: undefined, problem: undefined });
    }
    const before = isSame ? current.current?.list : undefined;
    run(async () => readOn(await readFirst(before, wanted.current, read), wanted.current, read));
    return () => {
      reading.current++;
    };
  }, [read, run, version]);
  return { list, problem, more };
}

/** Of a list that is long already, the count alone is read again. */
async function readFirst<T>(before: Page<T> | undefined, wanted: number, read: Read<T>): Promise<Page<T>> {
  if (before && before.items.length > readAgainMax) {
    const { count } = await read({ after: undefined, limit: 1 });
    return { ...before, count };
  }
  return read({ after: undefined, limit: Math.min(wanted, pageSizeMax) });
}

/** Until as many are there as are wanted, or all. */
async function readOn<T>(first: Page<T>, wanted: number, read: Read<T>): Promise<Page<T>> {
  let all = first;
  while (all.items.length < wanted && all.next !== undefined) {
    const page = await read({ after: all.next, limit: pageSizeMax });
    all = { ...page, items: [...all.items, ...page.items] };
  }
  return all;
}
