// The text of a message, with its links made clickable and its mentions marked. Text stays text: nothing in it is ever read as markup.

import { Fragment, memo } from 'react';
import { partsOf } from './links.ts';
import { splitMentions } from './mentions.ts';

const emojiOnly = /^(?:\p{RGI_Emoji}\s?){1,3}$/v;

/** `mentions`: the words that mention somebody, one a line. */
export const MessageText = memo(function MessageText({
  text,
  mentions,
}: {
  readonly text: string;
  readonly mentions: string;
}) {
  if (emojiOnly.test(text)) return <span className="text-emoji">{text}</span>;
  const words = mentions === '' ? [] : mentions.split('\n');
  return (
    <span className="text" dir="auto">
      {partsOf(text).map((part) => (
        <Fragment key={part.at}>
          {part.href !== undefined ? (
            <a href={part.href} target="_blank" rel="noopener noreferrer nofollow">
              {part.text}
            </a>
          ) : (
            splitMentions(part.text, words).map((piece) =>
              piece.isMention ? (
                <span key={piece.at} className="mention">
                  {piece.text}
                </span>
              ) : (
                piece.text
              ),
            )
          )}
        </Fragment>
      ))}
    </span>
  );
});
