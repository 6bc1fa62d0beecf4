// One line of the list: the name, the last message and its time, the number of unread messages.

import type { ClientMessage, ConversationView } from '@hongyan/client/api';
import { type MouseEvent, memo } from 'react';
import { useTranslation } from 'react-i18next';
import { conversationHref } from '../browser/route.ts';
import { markOf, positionsOf } from '../messages/mark.ts';
import { textOf, usersIn } from '../messages/message-words.ts';
import { StatusMark } from '../messages/status-mark.tsx';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { Avatar } from '../ui/avatar.tsx';
import { shownCount } from '../ui/count.ts';
import { BellOffIcon, MoreIcon, ThumbtackIcon } from '../ui/icons.tsx';
import { type Place, placeBelow } from '../ui/menu.tsx';
import { Sentence } from '../ui/sentence.tsx';
import { shortWhen } from '../ui/time.ts';
import { otherMember, useNames, useTitle } from '../ui/use-names.ts';
import { useToday } from '../ui/use-today.ts';

export const ConversationItem = memo(function ConversationItem(props: {
  readonly conversation: ConversationView;
  readonly isOpen: boolean;
  readonly isTabStop: boolean;
  readonly topPx: number;
  readonly onMenu: (conversation: ConversationView, place: Place) => void;
}) {
  const { conversation, isOpen } = props;
  const { t, i18n } = useTranslation();
  const chat = useChat();
  const title = useTitle(conversation);
  const other = otherMember(conversation, chat.userId);
  const presence = useSignal(chat.people.presence).get(other ?? chat.userId);
  const isOnline = other !== undefined && presence?.online === true;
  const last = useLast(conversation);
  const today = useToday();
  return (
    <li style={{ transform: `translateY(${props.topPx}px)` }}>
      <a
        className="conversation"
        href={conversationHref(conversation.conversationId)}
        data-id={conversation.conversationId}
        aria-current={isOpen ? 'page' : undefined}
        tabIndex={props.isTabStop ? 0 : -1}
        onContextMenu={(event) => {
          event.preventDefault();
          props.onMenu(conversation, placeOf(event));
        }}
      >
        <Avatar id={other ?? conversation.conversationId} name={title} size={46} online={isOnline} />
        <span className="conversation-lines">
          <span className="conversation-top">
            <span className="conversation-title">
              <bdi>{title}</bdi>
            </span>
            <OwnMarks conversation={conversation} />
            {isOnline && <span className="unseen">{t('conversations.online')}</span>}
            {last && (
              <time className="conversation-time">
                {shortWhen({ timestampMs: last.timestampMs, today, language: i18n.language }, t)}
              </time>
            )}
          </span>
          <span className="conversation-bottom">
            <Snippet {...{ conversation, last, isOpen }} />
            {conversation.unreadMentions > 0 && (
              <span className="badge badge-mention">
                <span aria-hidden="true">@</span>
                <span className="unseen">{t('conversations.mentioned')}</span>
              </span>
            )}
            {conversation.unread > 0 && (
              <span className={conversation.isMuted ? 'badge badge-muted' : 'badge'}>
                <span aria-hidden="true">{shownCount(conversation.unread)}</span>
                <span className="unseen">{t('conversations.unread', { count: conversation.unread })}</span>
              </span>
            )}
          </span>
        </span>
      </a>
      <button
        type="button"
        className="button-icon conversation-more"
        aria-label={`${t('conversations.actions')}: ${title}`}
        title={t('conversations.actions')}
        tabIndex={props.isTabStop ? 0 : -1}
        onClick={(event) => props.onMenu(conversation, placeBelow(event.currentTarget))}
      >
        <MoreIcon size={18} />
      </button>
    </li>
  );
});

/** Of the keyboard's menu key the place is the item itself. */
function placeOf({ clientX, clientY, currentTarget }: MouseEvent<HTMLElement>): Place {
  return clientX === 0 && clientY === 0 ? placeBelow(currentTarget) : { leftPx: clientX, topPx: clientY };
}

/** What the user set for the conversation. */
function OwnMarks({ conversation: { isPinned, isMuted } }: { readonly conversation: ConversationView }) {
  const { t } = useTranslation();
  return (
    <>
      {isPinned && (
        <span className="own-mark" title={t('conversations.pinned')}>
          <ThumbtackIcon size={14} />
          <span className="unseen">{t('conversations.pinned')}</span>
        </span>
      )}
      {isMuted && (
        <span className="own-mark" title={t('conversations.muted')}>
          <BellOffIcon size={14} />
          <span className="unseen">{t('conversations.muted')}</span>
        </span>
      )}
    </>
  );
}

/** Messages that wait to be sent come after all others. */
function useLast(conversation: ConversationView): ClientMessage | undefined {
  const chat = useChat();
  const waiting = useSignal(chat.waitingCount);
  const own = waiting > 0 ? chat.client.outbox(conversation.conversationId).at(-1) : undefined;
  return own ?? conversation.lastMessage;
}

/** "typing…", else the draft, else the last message. */
function Snippet(props: {
  readonly conversation: ConversationView;
  readonly last: ClientMessage | undefined;
  readonly isOpen: boolean;
}) {
  const { conversation, last, isOpen } = props;
  const { t } = useTranslation();
  const chat = useChat();
  const writing = useSignal(chat.typing.who).get(conversation.conversationId) ?? [];
  const draft = useSignal(chat.drafts.all).get(conversation.conversationId);
  const nameOf = useNames(last ? usersIn(last) : []);
  if (writing.length > 0) return <span className="snippet snippet-typing">{t('messages.typingShort')}</span>;
  if (draft && !isOpen) {
    return (
      <span className="snippet">
        <span className="snippet-draft">{t('conversations.draft')} </span>
        <bdi>{draft}</bdi>
      </span>
    );
  }
  if (!last) return <span className="snippet">{t('conversations.newConversation')}</span>;
  const isOwn = last.from === chat.userId;
  const isSystem = last.content.type.startsWith('hongyan.');
  const sender = isOwn ? t('conversations.you') : nameOf(last.from);
  return (
    <span className="snippet">
      {isOwn && !isSystem && <StatusMark mark={markOf(last, positionsOf(conversation, chat.userId))} />}
      {conversation.kind !== 'direct' && !isSystem && (
        <>
          <bdi className="snippet-sender">{sender}</bdi>
          <span className="snippet-sender">: </span>
        </>
      )}
      <bdi>
        <Sentence text={textOf(last, { t, nameOf, kind: conversation.kind })} />
      </bdi>
    </span>
  );
}
