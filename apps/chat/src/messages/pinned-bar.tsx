// Below the header: the newest pinned message, which leads there, and the list of all.

import type { ClientMessage, ConversationView } from '@hongyan/client/api';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { PinnedMessages } from '../dialogs/pinned-messages.tsx';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { ThumbtackIcon } from '../ui/icons.tsx';
import { useName } from '../ui/use-names.ts';
import { quotedText } from './quote.tsx';

export function PinnedBar(props: { readonly conversation: ConversationView; readonly onJump: (seq: number) => void }) {
  const { conversationId } = props.conversation;
  const { pinned } = useChat();
  const list = useSignal(pinned.lists).get(conversationId) ?? [];
  useEffect(() => pinned.want(conversationId), [pinned, conversationId]);
  const newest = list.at(-1);
  return newest ? <Bar {...props} list={list} newest={newest} /> : null;
}

function Bar(props: {
  readonly conversation: ConversationView;
  readonly list: readonly ClientMessage[];
  readonly newest: ClientMessage;
  readonly onJump: (seq: number) => void;
}) {
  const { list, newest, onJump } = props;
  const { t } = useTranslation();
  const [isListed, setListed] = useState(false);
  const name = useName(newest.from);
  return (
    <section className="pinned-bar" aria-label={t('messages.pinned')}>
      <ThumbtackIcon size={18} />
      <button type="button" className="pinned-newest" onClick={() => newest.seq !== undefined && onJump(newest.seq)}>
        <bdi>{name}</bdi>
        <span dir="auto">{quotedText(newest, t)}</span>
      </button>
      <button type="button" className="link" onClick={() => setListed(true)}>
        {t('messages.pinnedCount', { count: list.length })}
      </button>
      {isListed && (
        <PinnedMessages
          conversation={props.conversation}
          list={list}
          onJump={onJump}
          onClose={() => setListed(false)}
        />
      )}
    </section>
  );
}
