// The messages of the open conversation. Only those in view exist as elements, however many are loaded.

import type { ClientMessage, ConversationView, Seq } from '@hongyan/client/api';
import { useCallback, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import type { Timeline, TimelineView } from '../state/timeline.ts';
import { keyOf } from '../state/window.ts';
import { shownCount } from '../ui/count.ts';
import { DownIcon } from '../ui/icons.tsx';
import { usePageVisible } from '../ui/use-page-visible.ts';
import { focusByArrows } from './feed-keys.ts';
import { markOf, positionsOf } from './mark.ts';
import { type MenuPlace, MessageMenu } from './message-menu.tsx';
import { MessageRow } from './message-row.tsx';
import { decorationOf, firstUnreadOf } from './row.ts';
import { TimelineTop } from './timeline-top.tsx';
import { useMessageScroll } from './use-message-scroll.ts';

export function MessageList(props: {
  readonly conversation: ConversationView;
  readonly timeline: Timeline;
  readonly label: string;
  /** Grows with each message sent from here: then the newest is shown. */
  readonly sends: number;
  /** Escape gives the focus back. */
  readonly onLeave: () => void;
}) {
  const { conversation, timeline } = props;
  const view = useSignal(timeline.view);
  const rows = useMemo(() => (view.hasNewer ? view.messages : [...view.messages, ...view.waiting]), [view]);
  const firstUnread = useFirstUnread(conversation, view, rows);
  const scrollRef = useRef<HTMLDivElement>(null);
  const scroll = useMessageScroll({ conversation, timeline, view, rows, firstUnread, scrollRef, sends: props.sends });
  const [menu, setMenu] = useState<MenuPlace>();

  return (
    <div className="messages">
      <div
        className="messages-scroll"
        ref={scrollRef}
        role="feed"
        aria-label={props.label}
        aria-busy={view.phase === 'loading' || view.loading !== undefined}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        data-placed={scroll.isPlaced}
        onKeyDown={(event) => focusByArrows(event, props.onLeave)}
      >
        <div className="messages-inner" style={{ height: scroll.virtualizer.getTotalSize() }}>
          <TimelineTop view={view} hasRows={rows.length > 0} timeline={timeline} />
          <Rows {...{ conversation, timeline, rows, firstUnread, scroll, onMenu: setMenu }} />
        </div>
      </div>
      {scroll.isPlaced && !scroll.isAtNewest && (
        <JumpButton unread={conversation.unread} onClick={scroll.jumpToNewest} />
      )}
      {menu && <MessageMenu place={menu} message={nowOf(menu.message, rows)} onClose={() => setMenu(undefined)} />}
    </div>
  );
}

/** What is open beside the list follows the message. */
const nowOf = (message: ClientMessage, rows: readonly ClientMessage[]): ClientMessage =>
  rows.find((row) => keyOf(row) === keyOf(message)) ?? message;

/**
 * Seq of the message under the line "New messages": the first unread one when the conversation was opened, or of those that
 * arrived while the page was hidden. Decided with the first page, and anew where reading begins anew.
 */
function useFirstUnread(
  { conversationId }: ConversationView,
  view: TimelineView,
  rows: readonly ClientMessage[],
): number | undefined {
  const { client, userId } = useChat();
  const isVisible = usePageVisible();
  const [decided, setDecided] = useState<{ readonly seq: number | undefined; readonly opening: number }>();
  /** Where unread messages began when the page was hidden; undefined while it is visible. */
  const [startHidden, setStartHidden] = useState<number>();
  const startNow = () => client.conversation(conversationId)?.unreadAfterSeq ?? 0;
  const after = (afterSeq: number) => firstUnreadOf({ rows, afterSeq, self: userId, hasOlder: view.hasOlder });

  // State is set while rendering, so that the first rows are drawn with their line already.
  const { phase, opening } = view;
  if (phase === 'ready' && decided?.opening !== opening) setDecided({ seq: after(startNow()), opening });
  if (!isVisible && startHidden === undefined) setStartHidden(startNow());
  if (isVisible && startHidden !== undefined) {
    setStartHidden(undefined);
    if (decided) setDecided({ seq: after(startHidden), opening });
  }
  return startHidden === undefined ? decided?.seq : after(startHidden);
}

function Rows(props: {
  readonly conversation: ConversationView;
  readonly rows: TimelineView['messages'];
  readonly firstUnread: number | undefined;
  readonly onMenu: (place: MenuPlace) => void;
  readonly timeline: Timeline;
  readonly scroll: Pick<ReturnType<typeof useMessageScroll>, 'virtualizer' | 'shownTarget'>;
}) {
  const { conversation, timeline, rows } = props;
  const { virtualizer, shownTarget } = props.scroll;
  const onJump = useCallback((seq: number) => void timeline.show(seq as Seq), [timeline]);
  const { userId } = useChat();
  const positions = positionsOf(conversation, userId);
  return virtualizer.getVirtualItems().map((item) => {
    const message = rows[item.index];
    if (!message) return null;
    const decoration = decorationOf({
      message,
      previous: rows[item.index - 1],
      next: rows[item.index + 1],
      firstUnread: props.firstUnread,
    });
    return (
      <div
        key={item.key}
        ref={virtualizer.measureElement}
        data-index={item.index}
        data-seq={message.seq}
        className="row"
        style={{ transform: `translateY(${item.start}px)` }}
      >
        <MessageRow
          message={message}
          mark={message.from === userId ? markOf(message, positions) : undefined}
          kind={conversation.kind}
          isTarget={message.seq !== undefined && message.seq === shownTarget}
          onJump={onJump}
          {...decoration}
          onMenu={props.onMenu}
        />
      </div>
    );
  });
}

function JumpButton({ unread, onClick }: { readonly unread: number; readonly onClick: () => void }) {
  const { t } = useTranslation();
  const label = unread > 0 ? t('messages.newestUnread', { count: unread }) : t('messages.newest');
  return (
    <button type="button" className="jump" title={label} aria-label={label} onClick={onClick}>
      <DownIcon />
      {unread > 0 && <span className="badge">{shownCount(unread)}</span>}
    </button>
  );
}
