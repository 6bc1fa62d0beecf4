// Above the messages: the way back on a phone, the name of the conversation, presence or "typing…", and its actions.

import type { ConversationView } from '@hongyan/client/api';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { closeConversation } from '../browser/route.ts';
import { ConversationMenu } from '../conversations/conversation-menu.tsx';
import { GroupDetails } from '../dialogs/group-details.tsx';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { Avatar } from '../ui/avatar.tsx';
import { BackIcon, GroupIcon, MoreIcon } from '../ui/icons.tsx';
import { type Place, placeBelow } from '../ui/menu.tsx';
import { isolated, Sentence } from '../ui/sentence.tsx';
import { shortWhen } from '../ui/time.ts';
import { otherMember, useNames } from '../ui/use-names.ts';
import { useToday } from '../ui/use-today.ts';

export function PaneHeader({
  conversation,
  title,
}: {
  readonly conversation: ConversationView;
  readonly title: string;
}) {
  const { t } = useTranslation();
  const chat = useChat();
  const [isDetailed, setDetailed] = useState(false);
  const [menu, setMenu] = useState<Place>();
  const other = otherMember(conversation, chat.userId);
  const presence = useSignal(chat.people.presence).get(other ?? chat.userId);
  return (
    <header className="pane-head">
      <button type="button" className="button-icon back" aria-label={t('messages.back')} onClick={closeConversation}>
        <BackIcon size={22} />
      </button>
      <Avatar
        id={other ?? conversation.conversationId}
        name={title}
        size={40}
        online={other !== undefined && presence?.online}
      />
      <div className="pane-title">
        <h1>
          {conversation.kind === 'direct' ? (
            <bdi>{title}</bdi>
          ) : (
            <button type="button" className="pane-name" onClick={() => setDetailed(true)}>
              <bdi>{title}</bdi>
            </button>
          )}
        </h1>
        <Subtitle conversation={conversation} />
      </div>
      {conversation.kind !== 'direct' && (
        <button
          type="button"
          className="button-icon"
          title={t('messages.details')}
          aria-label={t('messages.details')}
          onClick={() => setDetailed(true)}
        >
          <GroupIcon />
        </button>
      )}
      <button
        type="button"
        className="button-icon"
        title={t('conversations.actions')}
        aria-label={t('conversations.actions')}
        onClick={(event) => setMenu(placeBelow(event.currentTarget))}
      >
        <MoreIcon />
      </button>
      {menu && <ConversationMenu conversation={conversation} place={menu} onClose={() => setMenu(undefined)} />}
      {isDetailed && <GroupDetails conversation={conversation} onClose={() => setDetailed(false)} />}
    </header>
  );
}

/** "typing…", else the presence of the other user, else the number of members. */
function Subtitle({ conversation }: { readonly conversation: ConversationView }) {
  const { t, i18n } = useTranslation();
  const chat = useChat();
  const writing = useSignal(chat.typing.who).get(conversation.conversationId) ?? [];
  const nameOf = useNames(writing);
  const today = useToday();
  const other = otherMember(conversation, chat.userId);
  const presence = useSignal(chat.people.presence).get(other ?? chat.userId);
  if (writing.length > 0) {
    const names = writing.map((userId) => isolated(nameOf(userId))).join(t('time.list'));
    return (
      <p className="typing">
        {conversation.kind === 'direct' ? (
          t('messages.typingShort')
        ) : (
          <Sentence text={t('messages.typing', { names, count: writing.length })} />
        )}
      </p>
    );
  }
  if (conversation.kind !== 'direct') return <p>{t('conversations.members', { count: conversation.memberCount })}</p>;
  if (other === undefined || !presence) return null;
  if (presence.online) return <p>{t('conversations.online')}</p>;
  if (presence.lastSeenMs === undefined) return <p>{t('conversations.offline')}</p>;
  const when = shortWhen({ timestampMs: presence.lastSeenMs, today, language: i18n.language }, t);
  return <p>{t('conversations.lastSeen', { when })}</p>;
}
