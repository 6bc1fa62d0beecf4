// A moment as how long ago it was; the exact time is its tooltip and what a copy of the page keeps.

import { useAmounts } from './amounts.ts';

export function Ago({ at }: { readonly at: number | null | undefined }) {
  const amounts = useAmounts();
  if (at === null || at === undefined) return <span className="quiet">–</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={amounts.dateTime(at)}>
      {amounts.ago(at)}
    </time>
  );
}
