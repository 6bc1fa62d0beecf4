// The list of conversations, newest activity first; arrow keys move through it, and only items in view exist as elements.

import type { ConversationId, ConversationView } from '@hongyan/client/api';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { StartButtons } from '../ui/start-buttons.tsx';
import { useNarrow } from '../ui/use-narrow.ts';
import { ConversationItem } from './conversation-item.tsx';

const itemHeightPx = 72;

export function ConversationList(props: {
  readonly query: string;
  readonly openId: ConversationId | undefined;
  readonly onStart: (dialog: 'new-chat' | 'new-group') => void;
}) {
  const { query, openId, onStart } = props;
  const { t } = useTranslation();
  const chat = useChat();
  const all = useSignal(chat.conversations);
  const found = useFiltered(all, query);
  const scrollRef = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: found.length,
    getScrollElement: () => scrollRef.current,
    estimateSize: () => itemHeightPx,
    getItemKey: (index) => found[index]?.conversationId ?? index,
    overscan: 6,
  });
  const { stopId, onKeyDown, onFocus } = useArrowKeys(found, openId, (index) => virtualizer.scrollToIndex(index));

  if (found.length === 0) return <Nothing {...{ query, onStart }} hasAny={all.length > 0} />;
  return (
    <div className="conversations" ref={scrollRef}>
      <ul
        style={{ height: virtualizer.getTotalSize() }}
        aria-label={t('conversations.label')}
        onKeyDown={onKeyDown}
        onFocus={onFocus}
      >
        {virtualizer.getVirtualItems().map((item) => {
          const conversation = found[item.index];
          return conversation ? (
            <ConversationItem
              key={item.key}
              conversation={conversation}
              isOpen={conversation.conversationId === openId}
              isTabStop={conversation.conversationId === stopId}
              topPx={item.start}
            />
          ) : null;
        })}
      </ul>
    </div>
  );
}

/** On a phone the list is the whole page: what the pane beside it says elsewhere stands here. */
function Nothing(props: {
  readonly query: string;
  readonly hasAny: boolean;
  readonly onStart: (dialog: 'new-chat' | 'new-group') => void;
}) {
  const { query, hasAny, onStart } = props;
  const { t } = useTranslation();
  const isPage = useNarrow();
  return (
    <div className="conversations-none">
      {hasAny ? (
        <p>{t('conversations.noMatch', { query })}</p>
      ) : (
        <>
          <p>{t('conversations.none')}</p>
          {isPage && (
            <>
              <p className="quiet">{t('conversations.noneHint')}</p>
              <StartButtons onStart={onStart} />
              <p className="quiet conversations-none-hint">{t('conversations.secondAccount')}</p>
            </>
          )}
        </>
      )}
    </div>
  );
}

function useFiltered(all: readonly ConversationView[], query: string): readonly ConversationView[] {
  const { people } = useChat();
  const names = useSignal(people.names);
  const wanted = query.trim().toLowerCase();
  if (wanted === '') return all;
  return all.filter((one) =>
    [one.title, ...(one.kind === 'direct' ? one.members.flatMap((id) => [id, names.get(id) ?? '']) : [])].some((text) =>
      text.toLowerCase().includes(wanted),
    ),
  );
}

/** One item is reached by Tab, the others from it by arrow keys. */
function useArrowKeys(
  list: readonly ConversationView[],
  openId: ConversationId | undefined,
  bringIntoView: (index: number) => void,
) {
  const [focusedId, setFocusedId] = useState<string>();
  const isThere = (id: string | undefined) => list.some((one) => one.conversationId === id);
  const stopId = [focusedId, openId].find(isThere) ?? list[0]?.conversationId;

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const at = list.findIndex((one) => one.conversationId === stopId);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: list.length - 1 }[event.key];
    if (next === undefined) return;
    const target = list[Math.min(Math.max(next, 0), list.length - 1)];
    if (!target) return;
    event.preventDefault();
    const container = event.currentTarget;
    setFocusedId(target.conversationId);
    bringIntoView(list.indexOf(target));
    // The item may exist only after the list has scrolled to it.
    requestAnimationFrame(() => focusItem(container, target.conversationId));
  }
  function onFocus(event: React.FocusEvent<HTMLElement>): void {
    const id = event.target.closest<HTMLElement>('[data-id]')?.dataset.id;
    if (id !== undefined) setFocusedId(id);
  }
  return { stopId, onKeyDown, onFocus };
}

function focusItem(container: HTMLElement, id: string): void {
  container.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)?.focus();
}
