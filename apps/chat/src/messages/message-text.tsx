// The text of a message, with its links made clickable. Text stays text: nothing in it is ever read as markup.

import { Fragment, memo } from 'react';

/** Ends before punctuation that belongs to the sentence, not to the address. */
const link = /\bhttps?:\/\/[^\s<>"“”，。；！？、）】》]+[^\s<>"“”，。；！？、）】》.,;:!?'()[\]]/giu;
const emojiOnly = /^(?:\p{RGI_Emoji}\s?){1,3}$/v;

export const MessageText = memo(function MessageText({ text }: { readonly text: string }) {
  if (emojiOnly.test(text)) return <span className="text-emoji">{text}</span>;
  return (
    <span className="text" dir="auto">
      {parts(text).map((part) => (
        <Fragment key={part.at}>
          {part.isLink ? (
            <a href={part.text} target="_blank" rel="noopener noreferrer nofollow">
              {part.text}
            </a>
          ) : (
            part.text
          )}
        </Fragment>
      ))}
    </span>
  );
});

interface Part {
  readonly at: number;
  readonly text: string;
  readonly isLink: boolean;
}

export function parts(text: string): readonly Part[] {
  const found: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(link)) {
    if (match.index > end) found.push({ at: end, text: text.slice(end, match.index), isLink: false });
    found.push({ at: match.index, text: match[0], isLink: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ at: end, text: text.slice(end), isLink: false });
  return found;
}
