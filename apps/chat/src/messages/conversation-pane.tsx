// The open conversation: its header, its messages, and the place to write.

import type { ConversationView, Seq } from '@hongyan/client/api';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { closeConversation } from '../browser/route.ts';
import { useChat } from '../state/chat-state.ts';
import { mayPost } from '../state/group-rules.ts';
import { isComposing } from '../ui/keys.ts';
import { useTitle } from '../ui/use-names.ts';
import { Composer } from './composer.tsx';
import { MessageList } from './message-list.tsx';
import { PaneHeader } from './pane-header.tsx';
import { PinnedBar } from './pinned-bar.tsx';
import { RefusedChange } from './refused-change.tsx';
import { TimelineNote } from './timeline-note.tsx';

export function ConversationPane({ conversation }: { readonly conversation: ConversationView }) {
  const { t } = useTranslation();
  const chat = useChat();
  const { conversationId } = conversation;
  const title = useTitle(conversation);
  const [timeline] = useState(() => chat.timeline(conversationId));
  const [sends, setSends] = useState(0);
  const textRef = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    chat.reading.opened(conversationId);
    void timeline.open();
    // On a phone the keyboard would cover what is to be read.
    if (matchMedia('(hover: hover)').matches) textRef.current?.focus();
  }, [chat, conversationId, timeline]);

  return (
    <main
      className="pane"
      data-id={conversationId}
      aria-label={t('messages.label', { title })}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented && !isComposing(event)) closeConversation();
      }}
    >
      <PaneHeader conversation={conversation} title={title} />
      <PinnedBar conversation={conversation} onJump={(seq) => void timeline.show(seq as Seq)} />
      <MessageList
        conversation={conversation}
        timeline={timeline}
        label={t('messages.label', { title })}
        sends={sends}
        onLeave={() => textRef.current?.focus()}
      />
      <TimelineNote timeline={timeline} />
      <RefusedChange conversationId={conversationId} timeline={timeline} />
      {mayPost(conversation) ? (
        <Composer
          conversation={conversation}
          timeline={timeline}
          textRef={textRef}
          onSent={() => setSends((count) => count + 1)}
        />
      ) : (
        <p className="read-only">{t('messages.readOnly')}</p>
      )}
    </main>
  );
}
