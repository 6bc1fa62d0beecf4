// One message with the lines that stand above it.

import type { ClientMessage, ConversationKind, UserId } from '@hongyan/client/api';
import { type CSSProperties, memo, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { Avatar, hueOf } from '../ui/avatar.tsx';
import { ClockIcon, MoreIcon, ThumbtackIcon } from '../ui/icons.tsx';
import { placeBelow } from '../ui/menu.tsx';
import { Sentence } from '../ui/sentence.tsx';
import { dayName, timeOf } from '../ui/time.ts';
import { useName, useNames } from '../ui/use-names.ts';
import { useToday } from '../ui/use-today.ts';
import { FailedActions } from './failed-actions.tsx';
import type { Mark } from './mark.ts';
import { mentionWords } from './mentions.ts';
import { actionsOf } from './message-actions.ts';
import type { MenuPlace } from './message-menu.tsx';
import { MessageText } from './message-text.tsx';
import { isSystem, shownText, textOf, usersIn } from './message-words.ts';
import { Quote } from './quote.tsx';
import { Reactions } from './reactions.tsx';
import { type Decoration, isLong } from './row.ts';
import { StatusMark } from './status-mark.tsx';

interface RowProps extends Decoration {
  readonly message: ClientMessage;
  /** Own messages only. */
  readonly mark: Mark | undefined;
  readonly kind: ConversationKind;
  /** It was jumped to just now. */
  readonly isTarget: boolean;
  readonly onJump: (seq: number) => void;
  readonly onMenu: (place: MenuPlace) => void;
}

export const MessageRow = memo(function MessageRow(props: RowProps) {
  const { t, i18n } = useTranslation();
  const { message } = props;
  const today = useToday();
  return (
    <>
      {props.hasGap && <div className="timeline-gap">{t('messages.gapBetween')}</div>}
      {props.hasDay && (
        <div className="day">{dayName({ timestampMs: message.timestampMs, today, language: i18n.language }, t)}</div>
      )}
      {props.hasUnreadLine && <div className="unread-line">{t('messages.unreadLine')}</div>}
      {isSystem(message) ? <SystemLine message={message} kind={props.kind} /> : <Message {...props} />}
    </>
  );
});

function SystemLine({ message, kind }: Pick<RowProps, 'message' | 'kind'>) {
  const { t } = useTranslation();
  const nameOf = useNames(usersIn(message));
  return (
    <p className="system">
      <span>
        <Sentence text={textOf(message, { t, nameOf, kind })} />
      </span>
    </p>
  );
}

function Message(props: RowProps) {
  const { message, mark, kind, isFirst, isLast } = props;
  const isGroup = kind !== 'direct';
  const { t, i18n } = useTranslation();
  const { client, changes, userId } = useChat();
  const name = useName(message.from);
  const isOwn = mark !== undefined;
  const time = timeOf(message.timestampMs, i18n.language);
  const label = [
    isOwn ? t('messages.own', { time, status: t(`messages.status.${mark}`) }) : t('messages.from', { name, time }),
    ...(message.edited === undefined ? [] : [t('messages.edited')]),
    ...(message.isPinned ? [t('messages.isPinned')] : []),
    ...(message.isPending ? [t('messages.changeWaits')] : []),
  ].join(t('time.list'));
  const conversation = client.conversation(message.conversationId);
  const mentionsMe = message.mentions === 'all' || message.mentions?.includes(userId) === true;
  const edit = useSignal(changes.edits).get(message.conversationId);
  const isEdited = edit !== undefined && edit.seq === message.seq;
  const hasMenu = actionsOf({ message, self: userId, conversation }).length > 0;
  return (
    // biome-ignore lint/a11y/useSemanticElements: the article role is what a feed consists of
    <div
      className="message"
      role="article"
      tabIndex={-1}
      aria-label={label}
      aria-posinset={message.seq}
      aria-setsize={conversation?.lastSeq ?? -1}
      data-own={isOwn}
      data-recalled={message.isRecalled}
      data-editing={isEdited}
      data-target={props.isTarget}
      data-mentions-me={!isOwn && mentionsMe}
      data-first={isFirst}
      data-last={isLast}
      onContextMenu={(event) => {
        if (!hasMenu || getSelection()?.toString() || (event.target as HTMLElement).closest('a')) return; // the browser's own menu
        event.preventDefault();
        props.onMenu(placeOf(message, event.currentTarget, event));
      }}
      onKeyDown={(event) => {
        if (!hasMenu || event.key !== 'Enter' || event.target !== event.currentTarget) return;
        // Else the same press would also activate the item of the menu that receives the focus.
        event.preventDefault();
        props.onMenu(placeOf(message, event.currentTarget));
      }}
    >
      {isGroup && !isOwn && (
        <span className="message-avatar">{isLast && <Avatar id={message.from} name={name} size={30} />}</span>
      )}
      <div className="message-column">
        {isGroup && !isOwn && isFirst && (
          <bdi className="message-sender" style={{ '--hue': hueOf(message.from) } as CSSProperties}>
            {name}
          </bdi>
        )}
        <Bubble {...{ message, mark, time }} onJump={props.onJump} />
        <Reactions
          message={message}
          onWho={(reactionKey) => props.onMenu({ message, leftPx: 0, topPx: 0, reactionKey })}
        />
        {mark === 'failed' && <FailedActions message={message} />}
      </div>
      {hasMenu && (
        <button
          type="button"
          className="button-icon message-more"
          tabIndex={-1}
          aria-label={t('messages.actions')}
          onClick={(event) => props.onMenu(placeOf(message, event.currentTarget))}
        >
          <MoreIcon size={18} />
        </button>
      )}
    </div>
  );
}

function Bubble({
  message,
  mark,
  time,
  onJump,
}: {
  readonly message: ClientMessage;
  readonly mark: Mark | undefined;
  readonly time: string;
  readonly onJump: (seq: number) => void;
}) {
  const { t } = useTranslation();
  const { content, replyTo } = message;
  const words = useMentionWords(message);
  const text = shownText(content);
  return (
    <div className="bubble">
      {replyTo && <Quote reply={replyTo} onJump={onJump} />}
      {message.isRecalled ? (
        <span className="unsupported">{t('messages.recalled')}</span>
      ) : text !== undefined ? (
        <Folded text={text} foldKey={message.clientMsgId}>
          <MessageText text={text} mentions={words} />
        </Folded>
      ) : (
        <span className="unsupported">{t('messages.unsupported', { type: content.type })}</span>
      )}
      <span className="bubble-meta" aria-hidden="true">
        {message.isPinned && <ThumbtackIcon size={13} />}
        {message.edited !== undefined && <span className="edited">{t('messages.edited')}</span>}
        {time}
        {message.isPending ? <ClockIcon size={13} /> : mark && <StatusMark mark={mark} />}
      </span>
    </div>
  );
}

/** A long text shows its beginning until the reader opens it; it stays open while the page does. */
function Folded(props: { readonly text: string; readonly foldKey: string; readonly children: ReactNode }) {
  const { t } = useTranslation();
  const { unfolded } = useChat();
  const [isOpen, setOpen] = useState(() => unfolded.has(props.foldKey));
  if (isOpen || !isLong(props.text)) return props.children;
  return (
    <>
      <div className="folded">{props.children}</div>
      <button
        type="button"
        className="link"
        onClick={() => {
          unfolded.add(props.foldKey);
          setOpen(true);
        }}
      >
        {t('messages.showAll')}
      </button>
    </>
  );
}

const nobody: readonly UserId[] = [];

/** One text, so that a row is drawn anew only when a name changes. */
function useMentionWords({ mentions }: ClientMessage): string {
  const userIds = mentions === 'all' || mentions === undefined ? nobody : mentions;
  const nameOf = useNames(userIds);
  const mentioned = mentions === 'all' ? (['all'] as const) : userIds;
  return mentioned.flatMap((who) => mentionWords(who, nameOf)).join('\n');
}

/** At the pointer, else at the element that was used. */
function placeOf(
  message: ClientMessage,
  element: HTMLElement,
  pointer?: { readonly clientX: number; readonly clientY: number },
): MenuPlace {
  const isPointed = pointer !== undefined && (pointer.clientX !== 0 || pointer.clientY !== 0);
  return isPointed
    ? { message, leftPx: pointer.clientX, topPx: pointer.clientY }
    : { message, ...placeBelow(element.closest('.message')?.querySelector('.bubble') ?? element) };
}
