// A small button that asks first, does it, and says below what went wrong.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useLayoutEffect, useRef, useState } from 'react';
import { Failure } from './answer.tsx';
import { Confirm } from './confirm.tsx';

export function AskedButton(props: {
  /** The verb. */
  readonly label: string;
  /** With what it is done to: rows of a table have the same button. */
  readonly name: string;
  readonly consequence: string;
  readonly act: () => Promise<unknown>;
  /** Called when it is done, where the button is still on the screen: the operator may have gone on to other work. */
  readonly onDone?: () => void;
  /** What is fetched again afterwards: the first part of its key. */
  readonly changes: string;
}) {
  const queries = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const button = useFocusLeftToPage();
  const acting = useMutation({
    mutationFn: props.act,
    onSettled() {
      // Not waited for: what was removed is not asked for again by a page that is left for that.
      void queries.invalidateQueries({ queryKey: [props.changes] });
    },
  });
  return (
    <>
      <button
        ref={button}
        type="button"
        className="button-small"
        aria-label={props.name}
        aria-disabled={acting.isPending}
        onClick={() => {
          if (!acting.isPending) setAsking(true);
        }}
      >
        {props.label}
      </button>
      {acting.error && <Failure error={acting.error} />}
      {isAsking && (
        <Confirm
          title={props.name}
          action={props.label}
          onConfirm={() => acting.mutate(undefined, { onSuccess: () => props.onDone?.() })}
          onClose={() => setAsking(false)}
        >
          {props.consequence}
        </Confirm>
      )}
    </>
  );
}

/** What was acted on may go away, and the button with its row: the page gets the focus that the button had. */
function useFocusLeftToPage() {
  const ref = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const button = ref.current;
    return () => {
      if (button && button === document.activeElement) button.closest('main')?.focus();
    };
  }, []);
  return ref;
}
