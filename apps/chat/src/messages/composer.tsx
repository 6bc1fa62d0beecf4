// The place to write: a new message, kept as the conversation's draft until it is sent, or an own message that is being edited.
// Enter sends or saves, Shift+Enter breaks the line.

import type { ConversationView } from '@hongyan/client/api';
import { type KeyboardEvent, type RefObject, useEffect, useId, useLayoutEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type ChatState, useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import type { Timeline } from '../state/timeline.ts';
import { errorWords } from '../ui/error-words.ts';
import { CloseIcon, EditIcon, SendIcon, TickIcon } from '../ui/icons.tsx';
import { Problem } from '../ui/problem.tsx';
import { lastEditable } from './message-actions.ts';
import { roomFor } from './text-limit.ts';

interface ComposerProps {
  readonly conversation: ConversationView;
  readonly timeline: Timeline;
  readonly textRef: RefObject<HTMLTextAreaElement | null>;
  readonly onSent: () => void;
}

export function Composer(props: ComposerProps) {
  const { conversation, timeline, textRef } = props;
  const { conversationId } = conversation;
  const { t } = useTranslation();
  const chat = useChat();
  const edit = useSignal(chat.changes.edits).get(conversationId);
  const draft = useSignal(chat.drafts.all).get(conversationId) ?? '';
  const text = edit?.text ?? draft;
  const { problem, submit } = useSubmit(props);
  const roomId = useId();
  const { charactersLeft } = roomFor(text);
  const isTooLong = charactersLeft !== undefined && charactersLeft < 0;
  const label = t(edit ? 'messages.editText' : 'messages.write');
  const action = t(edit ? 'messages.saveEdit' : 'messages.send');
  useFittingHeight(textRef, text);
  useFocusOnEdit(textRef, edit?.seq);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'ArrowUp' && text === '' && !edit && isAlone(event)) editLast(event, chat, timeline);
    if (isEnter(event)) {
      event.preventDefault();
      submit(text, isTooLong);
    }
  }
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit(text, isTooLong);
      }}
      onKeyDown={(event) => {
        // While an input method composes, Escape gives up the word.
        if (!edit || event.key !== 'Escape' || event.nativeEvent.isComposing) return;
        event.preventDefault();
        chat.changes.endEdit(conversationId);
        textRef.current?.focus();
      }}
    >
      <Problem words={problem} />
      <p className="unseen" role="status">
        {edit && t('messages.editing', { text: edit.content.text })}
      </p>
      {edit && <EditBar text={edit.content.text ?? ''} onCancel={() => chat.changes.endEdit(conversationId)} />}
      <div className="composer-line">
        <textarea
          ref={textRef}
          value={text}
          rows={1}
          enterKeyHint={edit ? 'done' : 'send'}
          placeholder={label}
          aria-label={label}
          aria-describedby={charactersLeft === undefined ? undefined : roomId}
          aria-invalid={isTooLong}
          onChange={(event) => write(chat, conversationId, event.target.value)}
          onKeyDown={onKeyDown}
          dir="auto"
        />
        <button
          type="submit"
          className="send"
          aria-label={action}
          title={action}
          disabled={text.trim() === '' || isTooLong}
        >
          {edit ? <TickIcon /> : <SendIcon />}
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

/** What is being edited, and the way back to the draft. */
function EditBar(props: { readonly text: string; readonly onCancel: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="composer-bar">
      <EditIcon size={18} />
      <p>
        <strong>{t('messages.editText')}</strong>
        <span dir="auto">{props.text}</span>
      </p>
      <button
        type="button"
        className="button-icon"
        aria-label={t('messages.cancelEdit')}
        title={t('messages.cancelEdit')}
        onClick={props.onCancel}
      >
        <CloseIcon size={18} />
      </button>
    </div>
  );
}

function useSubmit({ conversation: { conversationId }, onSent }: ComposerProps) {
  const { t } = useTranslation();
  const chat = useChat();
  const [problem, setProblem] = useState<string>();
  function submit(text: string, isTooLong: boolean): void {
    const body = text.trim();
    if (body === '' || isTooLong) return;
    setProblem(undefined);
    if (chat.changes.edits.get().has(conversationId)) return chat.changes.saveEdit(conversationId);
    chat.changes.clear(conversationId);
    // Waits offline too. A refusal stands beside the message in the list, unless the outbox did not take it at all.
    chat.client.send({ conversationId }, { type: 'text', text: body }).catch((error: unknown) => {
      if (chat.client.outbox(conversationId).some((message) => message.content.text === body)) return;
      setProblem(errorWords(error, t));
    });
    chat.drafts.set(conversationId, '');
    onSent();
  }
  return { problem, submit };
}

function write(chat: ChatState, conversationId: ConversationView['conversationId'], text: string): void {
  if (chat.changes.edits.get().has(conversationId)) return chat.changes.writeEdit(conversationId, text);
  chat.drafts.set(conversationId, text);
  if (text.trim() !== '') chat.client.typing(conversationId);
}

/** Only where the newest messages are loaded: the last one of an older part is not the last. */
function editLast(event: KeyboardEvent, { changes, userId }: ChatState, timeline: Timeline): void {
  const { messages, waiting, hasNewer } = timeline.view.get();
  const last = hasNewer ? undefined : lastEditable([...messages, ...waiting], userId);
  if (!last) return;
  event.preventDefault();
  changes.beginEdit(last);
}

const isAlone = ({ shiftKey, ctrlKey, altKey, metaKey, nativeEvent }: KeyboardEvent): boolean =>
  !shiftKey && !ctrlKey && !altKey && !metaKey && !nativeEvent.isComposing;

/** While an input method composes, Enter chooses a word. 229 is how Safari says so. */
const isEnter = ({ key, shiftKey, nativeEvent, keyCode }: KeyboardEvent): boolean =>
  key === 'Enter' && !shiftKey && !nativeEvent.isComposing && keyCode !== 229;

/** The text to be edited is written on at its end. */
function useFocusOnEdit(ref: RefObject<HTMLTextAreaElement | null>, editedSeq: number | undefined): void {
  useEffect(() => {
    const area = ref.current;
    if (!area || editedSeq === undefined) return;
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }, [ref, editedSeq]);
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
