// Where a message is written. Enter sends, Shift+Enter breaks the line; what is not sent is kept as the conversation's draft.

import type { ConversationView } from '@hongyan/client/api';
import { type KeyboardEvent, type RefObject, useLayoutEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { errorWords } from '../ui/error-words.ts';
import { SendIcon } from '../ui/icons.tsx';
import { Problem } from '../ui/problem.tsx';

export function Composer(props: {
  readonly conversation: ConversationView;
  readonly textRef: RefObject<HTMLTextAreaElement | null>;
  readonly onSent: () => void;
}) {
  const { conversation, textRef, onSent } = props;
  const { conversationId } = conversation;
  const { t } = useTranslation();
  const chat = useChat();
  const [text, setText] = useState(() => chat.drafts.get(conversationId));
  const [problem, setProblem] = useState<string>();
  useFittingHeight(textRef, text);

  function write(value: string): void {
    setText(value);
    chat.drafts.set(conversationId, value);
    if (value.trim() !== '') chat.client.typing(conversationId);
  }
  function send(): void {
    const body = text.trim();
    if (body === '') return;
    write('');
    setProblem(undefined);
    // Waits offline too. A refusal stands beside the message in the list, unless the outbox did not take it at all.
    chat.client.send({ conversationId }, { type: 'text', text: body }).catch((error: unknown) => {
      if (chat.client.outbox(conversationId).some((message) => message.content.text === body)) return;
      setProblem(errorWords(error, t));
    });
    onSent();
  }
  function onKeyDown(event: KeyboardEvent): void {
    // While an input method composes, Enter chooses a word. 229 is how Safari says so.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send();
  }

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Problem words={problem} />
      <div className="composer-line">
        <textarea
          ref={textRef}
          value={text}
          rows={1}
          enterKeyHint="send"
          placeholder={t('messages.write')}
          aria-label={t('messages.write')}
          onChange={(event) => write(event.target.value)}
          onKeyDown={onKeyDown}
          dir="auto"
        />
        <button
          type="submit"
          className="send"
          aria-label={t('messages.send')}
          title={t('messages.send')}
          disabled={text.trim() === ''}
        >
          <SendIcon />
        </button>
      </div>
    </form>
  );
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
