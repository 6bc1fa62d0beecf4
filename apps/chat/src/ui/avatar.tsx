// A coloured circle with initials: the colour from the id, so that a person looks the same everywhere.

import { memo } from 'react';

export const Avatar = memo(function Avatar(props: {
  readonly id: string;
  readonly name: string;
  readonly size?: number;
  readonly online?: boolean | undefined;
}) {
  const { id, name, size = 44, online } = props;
  return (
    <span
      className="avatar"
      data-group={id.startsWith('g:')}
      style={
        { width: size, height: size, fontSize: Math.round(size * 0.38), '--hue': hueOf(id) } as React.CSSProperties
      }
      aria-hidden="true"
    >
      {initials(name)}
      {online && <span className="avatar-online" />}
    </span>
  );
});

/** One Chinese character, or the first letters of the first and the last word. */
function initials(name: string): string {
  const all = name
    .trim()
    .split(/[\s._@-]+/u)
    .filter(Boolean);
  const named = all.filter((word) => /^\p{L}/u.test(word));
  const words = named.length > 0 ? named : all;
  const first = Array.from(words[0] ?? '?')[0] ?? '?';
  if (/\p{Script=Han}/u.test(first)) return first;
  const second = words.length > 1 ? (Array.from(words.at(-1) ?? '')[0] ?? '') : '';
  return (first + second).toUpperCase();
}

/** A hue of the colour circle, spread by a small hash of the id. */
export function hueOf(id: string): number {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return (hash * 137) % 360;
}
