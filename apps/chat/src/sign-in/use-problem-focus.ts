// The field that has to be corrected gets the focus.

import { type RefObject, useEffect, useRef } from 'react';

export function useProblemFocus(problem: string | undefined): RefObject<HTMLInputElement | null> {
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (problem !== undefined) ref.current?.focus();
  }, [problem]);
  return ref;
}
