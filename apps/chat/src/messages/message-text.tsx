// The text of a message, with its links made clickable. Text stays text: nothing in it is ever read as markup.

import { Fragment, memo } from 'react';
import { partsOf } from './links.ts';

const emojiOnly = /^(?:\p{RGI_Emoji}\s?){1,3}$/v;

export const MessageText = memo(function MessageText({ text }: { readonly text: string }) {
  if (emojiOnly.test(text)) return <span className="text-emoji">{text}</span>;
  return (
    <span className="text" dir="auto">
      {partsOf(text).map((part) => (
        <Fragment key={part.at}>
          {part.href !== undefined ? (
            <a href={part.href} target="_blank" rel="noopener noreferrer nofollow">
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
