// The place to write. Enter sends, Shift+Enter breaks the line; what is not sent is kept as the conversation's draft.

import type { ConversationView } from '@hongyan/client/api';
import { type KeyboardEvent, type RefObject, useId, useLayoutEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { errorWords } from '../ui/error-words.ts';
import { SendIcon } from '../ui/icons.tsx';
import { Problem } from '../ui/problem.tsx';
import { roomFor } from './text-limit.ts';

export function Composer(props: {
  readonly conversation: ConversationView;
  readonly textRef: RefObject<HTMLTextAreaElement | null>;
  readonly onSent: () => void;
}) {
  const { conversation, textRef, onSent } = props;
  const { conversationId } = conversation;
  const { t } = useTranslation();
  const chat = useChat();
  const text = useSignal(chat.drafts.all).get(conversationId) ?? '';
  const [problem, setProblem] = useState<string>();
  const refused = useSignal(chat.changeRefused);
  const roomId = useId();
  const { charactersLeft } = roomFor(text);
  const isTooLong = charactersLeft !== undefined && charactersLeft < 0;
  useFittingHeight(textRef, text);

  function write(value: string): void {
    chat.drafts.set(conversationId, value);
    if (value.trim() !== '') chat.client.typing(conversationId);
  }
  function send(): void {
    const body = text.trim();
    if (body === '' || isTooLong) return;
    setProblem(undefined);
    chat.changeRefused.set(undefined);
    // Waits offline too. A refusal stands beside the message in the list, unless the outbox did not take it at all.
    chat.client.send({ conversationId }, { type: 'text', text: body }).catch((error: unknown) => {
      if (chat.client.outbox(conversationId).some((message) => message.content.text === body)) return;
      setProblem(errorWords(error, t));
    });
    chat.drafts.set(conversationId, '');
    onSent();
  }

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Problem words={problem ?? (refused && errorWords(refused, t))} />
      <div className="composer-line">
        <textarea
          ref={textRef}
          value={text}
          rows={1}
          enterKeyHint="send"
          placeholder={t('messages.write')}
          aria-label={t('messages.write')}
          aria-describedby={charactersLeft === undefined ? undefined : roomId}
          aria-invalid={isTooLong}
          onChange={(event) => write(event.target.value)}
          onKeyDown={(event) => sendOnEnter(event, send)}
          dir="auto"
        />
        <button
          type="submit"
          className="send"
          aria-label={t('messages.send')}
          title={t('messages.send')}
          disabled={text.trim() === '' || isTooLong}
        >
          <SendIcon />
        </button>
      </div>
      {charactersLeft !== undefined && (
        <p id={roomId} className={isTooLong ? 'composer-room problem' : 'composer-room quiet'} role="status">
          {isTooLong
            ? t('messages.tooLong', { count: -charactersLeft })
            : t('messages.charactersLeft', { count: charactersLeft })}
        </p>
      )}
    </form>
  );
}

function sendOnEnter(event: KeyboardEvent, send: () => void): void {
  // While an input method composes, Enter chooses a word. 229 is how Safari says so.
  if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  send();
}

/** As high as its text; the style sheet sets the most it may take. */
function useFittingHeight(ref: RefObject<HTMLTextAreaElement | null>, text: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text decides the height
  useLayoutEffect(() => {
    const area = ref.current;
    if (!area) return;
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight}px`;
  }, [ref, text]);
}
