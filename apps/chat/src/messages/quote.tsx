// What a reply shows of the message that it answers; a press leads there.

import type { MessageReply } from '@hongyan/client/api';
import type { TFunction } from 'i18next';
import type { CSSProperties } from 'react';
import { useTranslation } from 'react-i18next';
import { hueOf } from '../ui/avatar.tsx';
import { useNames } from '../ui/use-names.ts';

export function Quote({ reply, onJump }: { readonly reply: MessageReply; readonly onJump: (seq: number) => void }) {
  const { t } = useTranslation();
  const { from } = reply;
  const nameOf = useNames(from === undefined ? [] : [from]);
  return (
    <button
      type="button"
      className="quote"
      title={t('messages.toQuoted')}
      style={from === undefined ? undefined : ({ '--hue': hueOf(from) } as CSSProperties)}
      onClick={() => onJump(reply.seq)}
    >
      <span className="unseen">{t('messages.replyTo')} </span>
      {from !== undefined && <bdi className="quote-name">{nameOf(from)}</bdi>}
      <span className="quote-text" dir="auto">
        {quotedText(reply, t)}
      </span>
    </button>
  );
}

export function quotedText(
  { content, isRecalled }: Pick<MessageReply, 'content' | 'isRecalled'>,
  t: TFunction,
): string {
  if (isRecalled) return t('messages.recalled');
  if (content === undefined) return t('messages.quoteGone');
  return content.text ?? t('messages.unsupported', { type: content.type });
}
