// An edit, a recall or a reaction that the server refused: why, and what can be done. The text of an edit is never lost.

import type { ClientMessage, ConversationId } from '@hongyan/client/api';
import type { TFunction } from 'i18next';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type ChatState, useChat } from '../state/chat-state.ts';
import type { RefusedChange as Refused } from '../state/message-changes.ts';
import { useSignal } from '../state/signal.ts';
import type { Timeline } from '../state/timeline.ts';
import { errorWords } from '../ui/error-words.ts';
import { AlertIcon, CloseIcon } from '../ui/icons.tsx';

export function RefusedChange(props: { readonly conversationId: ConversationId; readonly timeline: Timeline }) {
  const { conversationId } = props;
  const { t } = useTranslation();
  const chat = useChat();
  const refused = useSignal(chat.changes.refused).get(conversationId);
  const { messages } = useSignal(props.timeline.view);
  const [problem, setProblem] = useState<string>();
  if (!refused) return null;
  const isRecalled = messages.some((message) => message.seq === refused.seq && message.isRecalled);
  const text = editedText(refused);
  const end = () => {
    setProblem(undefined);
    chat.changes.dismiss(conversationId);
  };
  const editAgain = (written: string) =>
    messageNow(chat, conversationId, refused).then(
      (message) => {
        end();
        if (message) chat.changes.beginEdit(message, written);
        else chat.writeAgain(conversationId, written);
      },
      (error: unknown) => setProblem(errorWords(error, t)),
    );
  return (
    <div className="refused" role="alert">
      <AlertIcon size={18} />
      <div className="refused-words">
        <p>{problem ?? wordsOf(refused, isRecalled, t)}</p>
        {text !== undefined && (
          <p className="refused-text" dir="auto">
            {text}
          </p>
        )}
        {text !== undefined && (
          <div className="refused-actions">
            {refused.error.code === 'conflict' && !isRecalled && (
              <button type="button" className="link" onClick={() => void editAgain(text)}>
                {t('messages.editAgain')}
              </button>
            )}
            <button
              type="button"
              className="link"
              onClick={() => {
                end();
                chat.writeAgain(conversationId, text);
              }}
            >
              {t('messages.asNew')}
            </button>
          </div>
        )}
      </div>
      <button
        type="button"
        className="button-icon"
        aria-label={t('connection.dismiss')}
        title={t('connection.dismiss')}
        onClick={end}
      >
        <CloseIcon size={18} />
      </button>
    </div>
  );
}

function editedText({ content }: Refused): string | undefined {
  const { text } = (content.content ?? {}) as { readonly text?: unknown };
  return content.type === 'hongyan.edit' && typeof text === 'string' ? text : undefined;
}

function wordsOf({ content, error }: Refused, isRecalled: boolean, t: TFunction): string {
  const conflict = isRecalled ? 'message_recalled' : 'edited_meanwhile';
  switch (content.type) {
    case 'hongyan.edit':
      return t('messages.editRefused', { why: errorWords(error, t, { conflict, forbidden: 'edit_too_late' }) });
    case 'hongyan.recall':
      return t('messages.recallRefused', { why: errorWords(error, t) });
    case 'hongyan.pin':
      return t('messages.pinRefused', { why: errorWords(error, t, { conflict: 'message_recalled' }) });
    case 'hongyan.reaction':
      return t('messages.reactionRefused', {
        why: errorWords(error, t, { conflict: 'message_recalled', too_large: 'many_reactions' }),
      });
    default:
      return errorWords(error, t);
  }
}

/** As the server has it: the one shown may be older. undefined: it is not there any more. */
async function messageNow(
  { client }: ChatState,
  conversationId: ConversationId,
  { seq }: Refused,
): Promise<ClientMessage | undefined> {
  const { messages } = await client.history({ conversationId, afterSeq: (seq - 1) as Refused['seq'], limit: 1 });
  return messages.find((message) => message.seq === seq && !message.isRecalled);
}
