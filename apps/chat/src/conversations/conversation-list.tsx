// The list of conversations: pinned, then newest activity first, and the archive to be folded out; arrow keys move through it, and only items in view exist as elements.

import type { ConversationId, ConversationView } from '@hongyan/client/api';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { folded } from '../ui/fold.ts';
import { ArchiveIcon, BackIcon } from '../ui/icons.tsx';
import type { Place } from '../ui/menu.tsx';
import { StartButtons } from '../ui/start-buttons.tsx';
import { otherMember } from '../ui/use-names.ts';
import { useNarrow } from '../ui/use-narrow.ts';
import { ConversationItem } from './conversation-item.tsx';
import { ConversationMenu } from './conversation-menu.tsx';
import { type ListRow, listRows } from './list-rows.ts';
import { useListed } from './use-listed.ts';

const itemHeightPx = 72;
const archiveHeightPx = 48;

interface ConversationListProps {
  readonly query: string;
  readonly openId: ConversationId | undefined;
  readonly onStart: (dialog: 'new-chat' | 'new-group', query?: string) => void;
}

export function ConversationList({ query, openId, onStart }: ConversationListProps) {
  const { t } = useTranslation();
  const all = useListed(openId);
  const [isArchiveOpen, setArchiveOpen] = useState(false);
  const [menu, setMenu] = useState<{ readonly conversation: ConversationView; readonly place: Place }>();
  const found = useFiltered(all, query);
  const isSearch = query.trim() !== '';
  const rows = listRows(found, { isSearch, isArchiveOpen });
  const scrollRef = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scrollRef.current,
    estimateSize: (index) => (rows[index]?.type === 'archive' ? archiveHeightPx : itemHeightPx),
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 6,
  });
  const { stopId, onKeyDown, onFocus } = useArrowKeys(rows, openId, (index) => virtualizer.scrollToIndex(index));
  // biome-ignore lint/correctness/useExhaustiveDependencies: what a query finds is shown from its beginning
  useEffect(() => {
    scrollRef.current?.scrollTo(0, 0);
  }, [query]);
  const onMenu = useCallback((conversation: ConversationView, place: Place) => setMenu({ conversation, place }), []);

  if (found.length === 0) return <Nothing {...{ query, onStart }} isSearch={isSearch && all.length > 0} />;
  return (
    <div className="conversations" ref={scrollRef}>
      <ul
        style={{ height: virtualizer.getTotalSize() }}
        aria-label={t('conversations.label')}
        onKeyDown={onKeyDown}
        onFocus={onFocus}
      >
        {virtualizer.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          const at = { isTabStop: row.id === stopId, topPx: item.start };
          if (row.type === 'archive')
            return (
              <ArchiveFold
                key={item.key}
                row={row}
                {...at}
                isOpen={isArchiveOpen}
                onToggle={() => setArchiveOpen(!isArchiveOpen)}
              />
            );
          const { conversation } = row;
          return <ConversationItem key={item.key} {...{ conversation, onMenu }} isOpen={row.id === openId} {...at} />;
        })}
      </ul>
      {menu && <ConversationMenu {...menu} onClose={() => setMenu(undefined)} />}
    </div>
  );
}

/** Folds out what is archived. */
function ArchiveFold(props: {
  readonly row: Extract<ListRow, { type: 'archive' }>;
  readonly isOpen: boolean;
  readonly isTabStop: boolean;
  readonly topPx: number;
  readonly onToggle: () => void;
}) {
  const { count, unread } = props.row;
  const { t } = useTranslation();
  return (
    <li className="archive" style={{ transform: `translateY(${props.topPx}px)` }}>
      <button
        type="button"
        className="archive-fold"
        data-id={props.row.id}
        aria-expanded={props.isOpen}
        tabIndex={props.isTabStop ? 0 : -1}
        onClick={props.onToggle}
      >
        <ArchiveIcon size={18} />
        <span>{t('conversations.archived')}</span>
        <span className="quiet">{count}</span>
        {unread > 0 && <span className="unseen">{t('conversations.unread', { count: unread })}</span>}
        <BackIcon size={16} />
      </button>
    </li>
  );
}

/** On a phone the list is the whole page: what the pane beside it says elsewhere stands here. */
function Nothing(props: {
  readonly query: string;
  readonly isSearch: boolean;
  readonly onStart: ConversationListProps['onStart'];
}) {
  const { query, isSearch, onStart } = props;
  const { t } = useTranslation();
  const isPage = useNarrow();
  const hasCaughtUp = useSignal(useChat().hasCaughtUp);
  return (
    <div className="conversations-none">
      {isSearch ? (
        <>
          <p>{t('conversations.noMatch', { query })}</p>
          <button type="button" className="button-quiet" onClick={() => onStart('new-chat', query.trim())}>
            {t('conversations.searchPeople')}
          </button>
        </>
      ) : !hasCaughtUp ? (
        <p role="status">{t('messages.loading')}</p>
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

/** By what the list shows as their titles, and the id of the other. */
function useFiltered(all: readonly ConversationView[], query: string): readonly ConversationView[] {
  const { t } = useTranslation();
  const { people, userId } = useChat();
  const names = useSignal(people.names);
  const wanted = folded(query.trim());
  const isSearch = wanted !== '';
  useEffect(() => {
    if (isSearch) people.wantNames(all.map((one) => otherMember(one, userId)).filter((other) => other !== undefined));
  }, [people, userId, all, isSearch]);
  if (wanted === '') return all;
  const titlesOf = (one: ConversationView): readonly string[] => {
    if (one.kind !== 'direct') return [one.title];
    const other = otherMember(one, userId);
    return other === undefined ? [t('conversations.notes'), userId] : [other, names.get(other) ?? ''];
  };
  return all.filter((one) => titlesOf(one).some((title) => folded(title).includes(wanted)));
}

/** One item is reached by Tab, the others from it by arrow keys. */
function useArrowKeys(
  list: readonly ListRow[],
  openId: ConversationId | undefined,
  bringIntoView: (index: number) => void,
) {
  const [focusedId, setFocusedId] = useState<string>();
  const isThere = (id: string | undefined) => list.some((one) => one.id === id);
  const stopId = [focusedId, openId].find(isThere) ?? list[0]?.id;

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const at = list.findIndex((one) => one.id === stopId);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: list.length - 1 }[event.key];
    if (next === undefined) return;
    const target = list[Math.min(Math.max(next, 0), list.length - 1)];
    if (!target) return;
    event.preventDefault();
    const container = event.currentTarget;
    setFocusedId(target.id);
    bringIntoView(list.indexOf(target));
    // The item may exist only after the list has scrolled to it.
    requestAnimationFrame(() => focusItem(container, target.id));
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
