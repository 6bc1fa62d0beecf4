// The place to write: a new message, kept as the conversation's draft until it is sent, or an own message that is being edited.
// Enter sends or saves and Shift+Enter breaks the line, or Enter breaks it and Ctrl+Enter sends, as the user has chosen.

import type { ConversationView, MessageReply } from '@hongyan/client/api';
import { type KeyboardEvent, type RefObject, useEffect, useId, useLayoutEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type ChatState, useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import type { Timeline } from '../state/timeline.ts';
import type { EnterKey } from '../state/user-settings.ts';
import { errorWords } from '../ui/error-words.ts';
import { EditIcon, ReplyIcon, SendIcon, TickIcon } from '../ui/icons.tsx';
import { isComposing, isEnter } from '../ui/keys.ts';
import { Problem } from '../ui/problem.tsx';
import { isolated, Sentence } from '../ui/sentence.tsx';
import { useNames } from '../ui/use-names.ts';
import { ComposerBar } from './composer-bar.tsx';
import { DraftChoice } from './draft-choice.tsx';
import { isBlank } from './is-blank.ts';
import { MentionList, optionId } from './mention-list.tsx';
import { lastEditable } from './message-actions.ts';
import { quotedText } from './quote.tsx';
import { roomFor } from './text-limit.ts';
import { useMentions } from './use-mentions.ts';

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
  const reply = useSignal(chat.references.replies).get(conversationId);
  const { problem, submit } = useSubmit(props);
  const enterKey = useSignal(chat.settings.enterKey);
  const mentions = useMentions(conversation, textRef, {
    isOff: edit !== undefined,
    write: (written) => write(chat, conversationId, written),
  });
  const listId = useId();
  const roomId = useId();
  const { charactersLeft } = roomFor(text);
  const isTooLong = charactersLeft !== undefined && charactersLeft < 0;
  const label = t(edit ? 'messages.editText' : 'messages.write');
  const action = t(edit ? 'messages.saveEdit' : 'messages.send');
  useFittingHeight(textRef, text);
  useFocusAtEnd(textRef, edit?.seq ?? reply?.seq);
  useSavedDraft(chat, conversationId);

  function onKeyDown(event: KeyboardEvent): void {
    if (mentions.onKey(event)) return;
    if (event.key === 'ArrowUp' && text === '' && !edit && isAlone(event)) editLast(event, chat, timeline);
    if (isEnter(event) && sendsBy(event, enterKey)) {
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
        if (!(edit || reply) || event.key !== 'Escape' || isComposing(event)) return;
        event.preventDefault();
        if (edit) chat.changes.leaveEdit(conversationId);
        else chat.references.endReply(conversationId);
        textRef.current?.focus();
      }}
    >
      <Problem words={problem} />
      <p className="unseen" role="status">
        {edit && t('messages.editing', { text: edit.content.text })}
      </p>
      {edit && (
        <ComposerBar
          icon={<EditIcon size={18} />}
          title={t('messages.editText')}
          text={edit.content.text ?? ''}
          cancelLabel={t('messages.cancelEdit')}
          onCancel={() => chat.changes.endEdit(conversationId)}
        />
      )}
      {!edit && reply && <ReplyBar reply={reply} onCancel={() => chat.references.endReply(conversationId)} />}
      {!edit && <DraftChoice conversation={conversation} onChosen={() => textRef.current?.focus()} />}
      {mentions.offer && (
        <MentionList id={listId} label={t('messages.mention')} {...mentions.offer} onPick={mentions.pick} />
      )}
      <div className="composer-line">
        <textarea
          ref={textRef}
          value={text}
          rows={1}
          enterKeyHint={enterKey === 'breaks' ? 'enter' : edit ? 'done' : 'send'}
          placeholder={label}
          aria-label={label}
          aria-describedby={charactersLeft === undefined ? undefined : roomId}
          aria-invalid={isTooLong}
          aria-autocomplete="list"
          aria-controls={mentions.offer ? listId : undefined}
          aria-activedescendant={mentions.offer ? optionId(listId, mentions.offer.chosen) : undefined}
          onSelect={mentions.look}
          onBlur={mentions.close}
          onChange={(event) => {
            write(chat, conversationId, event.target.value);
            mentions.look();
          }}
          onKeyDown={onKeyDown}
          dir="auto"
        />
        <button type="submit" className="send" aria-label={action} title={action} disabled={isBlank(text) || isTooLong}>
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

function ReplyBar({ reply, onCancel }: { readonly reply: MessageReply; readonly onCancel: () => void }) {
  const { t } = useTranslation();
  const { from } = reply;
  const nameOf = useNames(from === undefined ? [] : [from]);
  const name = from === undefined ? '' : nameOf(from);
  return (
    <ComposerBar
      icon={<ReplyIcon size={18} />}
      title={<Sentence text={t('messages.replyingTo', { name: isolated(name) })} />}
      text={quotedText(reply, t)}
      cancelLabel={t('messages.cancelReply')}
      onCancel={onCancel}
    />
  );
}

function useSubmit({ conversation: { conversationId }, onSent }: ComposerProps) {
  const { t } = useTranslation();
  const chat = useChat();
  const [problem, setProblem] = useState<string>();
  function submit(text: string, isTooLong: boolean): void {
    if (isBlank(text) || isTooLong) return;
    const body = text.trim();
    setProblem(undefined);
    if (chat.changes.edits.get().has(conversationId)) return chat.changes.saveEdit(conversationId);
    chat.changes.clear(conversationId);
    // Waits offline too. A refusal stands beside the message in the list, unless the outbox did not take it at all.
    const references = chat.references.of(conversationId, body);
    chat.references.clear(conversationId);
    chat.client.send({ conversationId }, { type: 'text', text: body }, references).catch((error: unknown) => {
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
  if (!isBlank(text)) chat.client.typing(conversationId);
}

/** Only where the newest messages are loaded: the last one of an older part is not the last. */
function editLast(event: KeyboardEvent, { changes, userId }: ChatState, timeline: Timeline): void {
  const { messages, waiting, hasNewer } = timeline.view.get();
  const last = hasNewer ? undefined : lastEditable([...messages, ...waiting], userId);
  if (!last) return;
  event.preventDefault();
  changes.beginEdit(last);
}

const isAlone = (event: KeyboardEvent): boolean =>
  !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey && !isComposing(event);

const sendsBy = ({ shiftKey, ctrlKey, metaKey }: KeyboardEvent, enterKey: EnterKey): boolean =>
  ctrlKey || metaKey || (enterKey === 'sends' && !shiftKey);

/** The text that edits or answers a message is written on at its end. */
function useFocusAtEnd(ref: RefObject<HTMLTextAreaElement | null>, seq: number | undefined): void {
  useEffect(() => {
    const area = ref.current;
    if (!area || seq === undefined) return;
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }, [ref, seq]);
}

/** What is written follows to the user's other devices at the latest when the conversation or the page is left. */
function useSavedDraft({ drafts }: ChatState, conversationId: ConversationView['conversationId']): void {
  useEffect(() => {
    const save = () => drafts.flush(conversationId);
    document.addEventListener('visibilitychange', save);
    addEventListener('pagehide', save);
    return () => {
      document.removeEventListener('visibilitychange', save);
      removeEventListener('pagehide', save);
      save();
    };
  }, [drafts, conversationId]);
}

/** As high as its text; the style sheet sets the upper limit. The line keeps its height meanwhile: a list that grows for a moment loses its place. */
function useFittingHeight(ref: RefObject<HTMLTextAreaElement | null>, text: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text decides the height
  useLayoutEffect(() => {
    const area = ref.current;
    const line = area?.parentElement;
    if (!area || !line) return;
    line.style.height = `${line.offsetHeight}px`;
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight}px`;
    line.style.height = '';
  }, [ref, text]);
}
