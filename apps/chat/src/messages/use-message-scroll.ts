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
/** So near to an edge of what is loaded, the next page is asked for. */
const edgePx = 1_500;
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
    scrollEndThreshold: endPx,
    paddingStart: topPx,
    paddingEnd: 8,
    scrollPaddingStart: 48,
    overscan: 8,
  });
  const isPlaced = usePlaced(virtualizer, input);
  usePages(virtualizer, input, isPlaced);
  const isAtEnd = useStayAtEnd(virtualizer, input, isPlaced);
  const isAtNewest = !view.hasNewer && isAtEnd;
  useMarkRead(virtualizer, input, { isPlaced, isAtNewest });

  const isWanted = useRef(false);
  function toNewest(): void {
    if (view.hasNewer) {
      isWanted.current = true;
      void timeline.openNewest();
      return;
    }
    const isNear = virtualizer.getDistanceFromEnd() < glidePxMax;
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    virtualizer.scrollToEnd({ behavior: isNear && !isCalm ? 'smooth' : 'auto' });
  }
  useLayoutEffect(() => {
    if (!isWanted.current || view.hasNewer) return;
    isWanted.current = false;
    virtualizer.scrollToEnd();
  }, [virtualizer, view]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for a new send, not for what it reads
  useEffect(() => {
    if (sends > 0) toNewest();
  }, [sends]);

  return { virtualizer, isPlaced, isAtNewest, toNewest };
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
function usePages(virtualizer: List, { timeline, view, rows, scrollRef }: ScrollInput, isPlaced: boolean): void {
  const connection = useSignal(useChat().connection).type;
  const range = virtualizer.calculateRange();
  const first = range?.startIndex ?? 0;
  const last = range?.endIndex ?? 0;
  // After a failed request only scrolling or a new connection asks again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => {
    const element = scrollRef.current;
    if (!isPlaced || !element) return;
    const { scrollTop, scrollHeight, clientHeight } = element;
    if (scrollTop < edgePx) void timeline.loadOlder();
    if (scrollHeight - scrollTop - clientHeight < edgePx) void timeline.loadNewer();
  }, [timeline, isPlaced, first, last, rows.length, view.hasOlder, view.hasNewer, connection]);
}

/**
 * Whoever is at the end stays there, however fast messages arrive, and when a keyboard or a growing composer takes height
 * away. Only moving up ends that: a burst is appended faster than scroll events tell where the list stands.
 */
function useStayAtEnd(virtualizer: List, { scrollRef, view, rows }: ScrollInput, isPlaced: boolean): boolean {
  const [isAtEnd, setAtEnd] = useState(true);
  const isFollowing = useRef(false);
  useEffect(() => {
    const element = scrollRef.current;
    if (!element || !isPlaced) return;
    let lastTopPx = element.scrollTop;
    const onScroll = () => {
      const { scrollTop, scrollHeight, clientHeight } = element;
      if (scrollHeight - scrollTop - clientHeight < endPx) setAtEnd(true);
      else if (scrollTop < lastTopPx) {
        isFollowing.current = false; // at once: what arrives before the next render must not pull the reader back
        setAtEnd(false);
      }
      lastTopPx = scrollTop;
    };
    const observer = new ResizeObserver(() => {
      if (isFollowing.current) virtualizer.scrollToEnd();
    });
    const startsAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < endPx;
    if (!startsAtEnd) isFollowing.current = false;
    setAtEnd(startsAtEnd);
    element.addEventListener('scroll', onScroll, { passive: true });
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', onScroll);
      observer.disconnect();
    };
  }, [virtualizer, scrollRef, isPlaced]);
  const newest = rows.at(-1);
  const newestKey = newest && keyOf(newest);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when a newer row was added, with what held before
  useLayoutEffect(() => {
    if (isPlaced && isFollowing.current) virtualizer.scrollToEnd();
  }, [newestKey]);
  // The end of what is loaded is not the end of the conversation: there the reader goes on alone.
  useLayoutEffect(() => {
    isFollowing.current = isAtEnd && !view.hasNewer;
  }, [isAtEnd, view.hasNewer]);
  return isAtEnd;
}

/** What stood in view of a visible page is read. */
function useMarkRead(
  virtualizer: List,
  { conversation, view, rows }: ScrollInput,
  at: { readonly isPlaced: boolean; readonly isAtNewest: boolean },
): void {
  const { client } = useChat();
  const isVisible = usePageVisible();
  const seen = at.isAtNewest ? view.messages.at(-1) : rows[virtualizer.calculateRange()?.endIndex ?? -1];
  const seq = seen?.seq;
  const { conversationId, readSeq } = conversation;
  useEffect(() => {
    if (at.isPlaced && isVisible && seq !== undefined && seq > readSeq) client.markRead(conversationId, seq);
  }, [client, conversationId, readSeq, seq, isVisible, at.isPlaced]);
}
