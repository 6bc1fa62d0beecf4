// A sentence with names in it: each name is isolated, so that one written from right to left turns nothing but itself.

import { Fragment } from 'react';

const [first, last] = ['\u2068', '\u2069'];

/** Marks a name for Sentence; cleanName has removed such marks from names. */
export const isolated = (name: string): string => `${first}${name}${last}`;

/** Where there is no markup, such as a label for screen readers. */
export const withoutMarks = (text: string): string => text.replaceAll(first, '').replaceAll(last, '');

export function Sentence({ text }: { readonly text: string }) {
  return text.split(first).map((part, index) => {
    const end = index === 0 ? -1 : part.indexOf(last);
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts have no other identity
      <Fragment key={index}>
        {end >= 0 && <bdi>{part.slice(0, end)}</bdi>}
        {part.slice(end + 1)}
      </Fragment>
    );
  });
}
