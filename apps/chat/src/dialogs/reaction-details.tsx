// Who reacted to a message: all of them with what they chose, or those who chose one.

import type { ClientMessage, ConversationId, Seq } from '@hongyan/client/api';
import { Choice } from '@hongyan/look/choice';
import { useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { inColour } from '../messages/reactions.tsx';
import { useChat } from '../state/chat-state.ts';
import { Dialog } from './dialog.tsx';
import { PagedPeople } from './paged-people.tsx';
import { type PageRequest, usePages } from './use-pages.ts';
import { useVersion } from './use-version.ts';

const everyKey = '';

export function ReactionDetails(props: {
  /** As it is now. */
  readonly message: ClientMessage;
  /** Shown first; absent: all. */
  readonly reactionKey: string | undefined;
  readonly onClose: () => void;
}) {
  const { conversationId, seq = 0 as Seq, reactions = [] } = props.message;
  const { t } = useTranslation();
  const [key, setKey] = useState(props.reactionKey ?? everyKey);
  const pages = useReactions(conversationId, seq, key);
  const counts = new Map(reactions.map((reaction) => [reaction.key, reaction.count]));
  // The chosen one stays, though everybody took it back meanwhile.
  if (key !== everyKey && !counts.has(key)) counts.set(key, 0);
  return (
    <Dialog title={t('messages.reactions')} onClose={props.onClose}>
      <Choice
        label={t('messages.reactions')}
        options={[
          { value: everyKey, label: t('dialogs.allReactions') },
          ...[...counts].map(([value, count]) => ({ value, label: `${inColour(value)} ${count}` })),
        ]}
        value={key}
        onChange={setKey}
      />
      <PagedPeople
        label={t('messages.reactions')}
        pages={pages}
        none={t('dialogs.noReactions')}
        mark={(user) => <span className="person-keys">{user.keys.map(inColour).join(' ')}</span>}
      />
    </Dialog>
  );
}

function useReactions(conversationId: ConversationId, seq: Seq, key: string) {
  const { client, people } = useChat();
  const read = useCallback(
    async ({ after, limit }: PageRequest) => {
      const wanted = key === everyKey ? {} : { key };
      const { users, ...page } = await client.reactions({ conversationId, seq, after, limit, ...wanted });
      people.learn(users);
      return { ...page, items: users };
    },
    [client, people, conversationId, seq, key],
  );
  const follow = useCallback(
    (changed: () => void) =>
      client.on('changed', ({ conversationId: id, seq: at, change }) => {
        if (id === conversationId && at === seq && change) changed();
      }),
    [client, conversationId, seq],
  );
  return usePages(read, useVersion(follow));
}
