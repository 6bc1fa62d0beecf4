// Where the message list stands: opens at the first unread or the newest message, follows the end, loads pages near the edges, and says what was read.

import type { ClientMessage, ConversationView } from '@hongyan/client/api';
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import type { Timeline, TimelineView } from '../state/timeline.ts';
import { keyOf } from '../state/window.ts';
import { usePageVisible } from '../ui/use-page-visible.ts';
import { estimateHeightPx } from './row.ts';
import { topPx } from './timeline-top.tsx';

/** So close to the end counts as being there. */
const endPx = 100;
/** So many rows from an edge of what is loaded, the next page is asked for. */
const edgeRows = 25;
/** A longer way is jumped, not glided. */
const glidePxMax = 3_000;

type List = Virtualizer<HTMLDivElement, HTMLDivElement>;

interface ScrollInput {
  readonly conversation: ConversationView;
  readonly timeline: Timeline;
  readonly view: TimelineView;
  readonly rows: readonly ClientMessage[];
  readonly readAtOpen: number | undefined;
  readonly scrollRef: RefObject<HTMLDivElement | null>;
  readonly sends: number;
}

export function useMessageScroll(input: ScrollInput) {
  const { timeline, view, rows, scrollRef, sends } = input;
  const virtualizer = useVirtualizer<HTMLDivElement, HTMLDivElement>({
    count: rows.length,
    getScrollElement: () => scrollRef.current,
    estimateSize: (index) => estimateHeightPx(rows[index]),
    getItemKey: (index) => {
      const message = rows[index];
      return message ? keyOf(message) : index;
    },
    // Keeps what is being read in its place while older messages come in above it.
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: endPx,
    paddingStart: topPx,
    paddingEnd: 8,
    scrollPaddingStart: 48,
    overscan: 8,
  });
  const isPlaced = usePlaced(virtualizer, input);
  usePages(virtualizer, input, isPlaced);
  useStayAtEnd(virtualizer, scrollRef, isPlaced);
  const isAtNewest = !view.hasNewer && virtualizer.isAtEnd(endPx);
  useMarkRead(virtualizer, input, { isPlaced, isAtNewest });

  async function toNewest(): Promise<void> {
    const isNear = !view.hasNewer && virtualizer.getDistanceFromEnd() < glidePxMax;
    await timeline.openNewest();
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    requestAnimationFrame(() => virtualizer.scrollToEnd({ behavior: isNear && !isCalm ? 'smooth' : 'auto' }));
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for a new send, not for what it reads
  useEffect(() => {
    if (sends > 0) void toNewest();
  }, [sends]);

  return { virtualizer, isPlaced, isAtNewest, toNewest: () => void toNewest() };
}

/** Scrolls once to where reading starts; until then the list is not shown. */
function usePlaced(virtualizer: List, { view, rows, readAtOpen }: ScrollInput): boolean {
  const [isPlaced, setPlaced] = useState(false);
  const isReady = view.phase === 'ready' || view.phase === 'failed';
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the first messages are there
  useLayoutEffect(() => {
    if (!isReady || isPlaced) return;
    const unreadAt = readAtOpen === undefined ? -1 : rows.findIndex((row) => (row.seq ?? 0) > readAtOpen);
    if (unreadAt > 0) virtualizer.scrollToIndex(unreadAt, { align: 'start' });
    else virtualizer.scrollToEnd();
    const frame = requestAnimationFrame(() => setPlaced(true));
    return () => cancelAnimationFrame(frame);
  }, [isReady]);
  return isPlaced;
}

/** Asks for the next page before the reader gets to the edge. */
function usePages(virtualizer: List, { timeline, view, rows }: ScrollInput, isPlaced: boolean): void {
  const connection = useSignal(useChat().connection).type;
  const first = virtualizer.range?.startIndex ?? 0;
  const last = virtualizer.range?.endIndex ?? 0;
  // After a failed request only scrolling or a new connection asks again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => {
    if (!isPlaced) return;
    if (first < edgeRows) void timeline.loadOlder();
    if (last >= rows.length - edgeRows) void timeline.loadNewer();
  }, [timeline, isPlaced, first, last, rows.length, view.hasOlder, view.hasNewer, connection]);
}

/** A keyboard that opens or a growing composer takes height away: who was at the end stays there. */
function useStayAtEnd(virtualizer: List, scrollRef: RefObject<HTMLDivElement | null>, isPlaced: boolean): void {
  const wasAtEnd = useRef(true);
  useEffect(() => {
    const element = scrollRef.current;
    if (!element || !isPlaced) return;
    const onScroll = () => {
      wasAtEnd.current = virtualizer.isAtEnd(endPx);
    };
    const observer = new ResizeObserver(() => {
      if (wasAtEnd.current) virtualizer.scrollToEnd();
    });
    onScroll();
    element.addEventListener('scroll', onScroll, { passive: true });
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', onScroll);
      observer.disconnect();
    };
  }, [virtualizer, scrollRef, isPlaced]);
}

/** What stood in view of a visible page is read. */
function useMarkRead(
  virtualizer: List,
  { conversation, view, rows }: ScrollInput,
  at: { readonly isPlaced: boolean; readonly isAtNewest: boolean },
): void {
  const { client } = useChat();
  const isVisible = usePageVisible();
  const seen = at.isAtNewest ? view.messages.at(-1) : rows[virtualizer.range?.endIndex ?? -1];
  const seq = seen?.seq;
  const { conversationId, readSeq } = conversation;
  useEffect(() => {
    if (at.isPlaced && isVisible && seq !== undefined && seq > readSeq) client.markRead(conversationId, seq);
  }, [client, conversationId, readSeq, seq, isVisible, at.isPlaced]);
}
