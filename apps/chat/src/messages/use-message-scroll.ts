// The scroll position of the message list: opens at the first unread or the newest message, follows the end, loads pages near the edges, and reports what was read.

import type { ClientMessage, ConversationView, Seq } from '@hongyan/client/api';
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { openDialogs } from '../dialogs/dialog.tsx';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import type { Timeline, TimelineView } from '../state/timeline.ts';
import { keyOf } from '../state/window.ts';
import { usePageVisible } from '../ui/use-page-visible.ts';
import { ReadWatch, shownIn } from './read-watch.ts';
import { estimateHeightPx, isContinued } from './row.ts';
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
  /** Seq of the first unread message; the line "New messages" stands above it. */
  readonly firstUnread: number | undefined;
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
  const shownTarget = useTarget(virtualizer, input, isPlaced);
  const isAtNewest = !view.hasNewer && isAtEnd;
  useMarkRead(input, isPlaced);

  const { reading } = useChat();
  const { conversationId } = input.conversation;
  /** Whose wish it is to see the newest message, once it is loaded. */
  const wish = useRef<'jump' | 'send'>(undefined);
  function toNewest(by: 'jump' | 'send'): void {
    // Who jumps skips what is unread on purpose; who writes has not seen it.
    if (by === 'jump') reading.endSkip(conversationId);
    if (view.hasNewer) {
      wish.current = by;
      void timeline.openNewest();
      return;
    }
    if (by === 'send') return toEnd();
    const isNear = virtualizer.getDistanceFromEnd() < glidePxMax;
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    virtualizer.scrollToEnd({ behavior: isNear && !isCalm ? 'smooth' : 'auto' });
  }
  /** At once: messages that glide by were not read. */
  function toEnd(): void {
    reading.skip(conversationId);
    virtualizer.scrollToEnd();
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for a new window, not for what it reads
  useLayoutEffect(() => {
    if (!wish.current || view.hasNewer) return;
    if (wish.current === 'send') toEnd();
    else virtualizer.scrollToEnd();
    wish.current = undefined;
  }, [virtualizer, view]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for a new send, not for what it reads
  useEffect(() => {
    if (sends > 0) toNewest('send');
  }, [sends]);

  return { virtualizer, isPlaced, isAtNewest, shownTarget, jumpToNewest: () => toNewest('jump') };
}

/**
 * Scrolls once to where reading starts, and once more where it begins anew; until then the list is not shown. With nothing but the
 * outbox to show it is the end of that.
 */
function usePlaced(virtualizer: List, input: ScrollInput): boolean {
  const { phase, opening } = input.view;
  const [placed, setPlaced] = useState<number>();
  const isDue = phase === 'ready' ? placed !== opening : phase === 'failed' && placed === undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, with the rows that are there then
  useLayoutEffect(() => {
    if (!isDue) return;
    scrollToUnread(virtualizer, input);
    const frame = requestAnimationFrame(() => setPlaced(phase === 'ready' ? opening : 0));
    return () => cancelAnimationFrame(frame);
  }, [isDue, opening]);
  return placed !== undefined && !isDue;
}

/** To the first unread message, else to the end. The first row may well be the unread one. */
function scrollToUnread(virtualizer: List, { rows, firstUnread }: ScrollInput): void {
  const index = firstUnread === undefined ? -1 : rows.findIndex((row) => row.seq === firstUnread);
  if (index >= 0) virtualizer.scrollToIndex(index, { align: 'start' });
  else virtualizer.scrollToEnd();
}

/** A message that was jumped to is marked for so long. */
const markedMs = 2_000;

/** Scrolls to the message that is to be shown, once it is loaded, and returns its seq while it is marked. */
function useTarget(
  virtualizer: List,
  { conversation, timeline, rows }: ScrollInput,
  isPlaced: boolean,
): number | undefined {
  const { reading } = useChat();
  const target = useSignal(timeline.target);
  const [marked, setMarked] = useState<number>();
  const index = target === undefined ? -1 : rows.findIndex((row) => row.seq === target);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each target, when it is among the rows
  useLayoutEffect(() => {
    if (target === undefined || !isPlaced || index < 0) return;
    timeline.target.set(undefined);
    reading.skip(conversation.conversationId);
    virtualizer.scrollToIndex(index, { align: 'center' });
    setMarked(target);
  }, [target, index, isPlaced]);
  useEffect(() => {
    if (marked === undefined) return;
    const timer = setTimeout(() => setMarked(undefined), markedMs);
    return () => clearTimeout(timer);
  }, [marked]);
  return marked;
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
 * A list at its end stays there, however fast messages arrive, and when a keyboard or a growing composer takes height
 * away. Only moving up ends that: a burst is appended faster than scroll events report the position. A hidden page does
 * not follow: what arrives meanwhile starts at the first unread message when the page is visible again.
 */
function useStayAtEnd(virtualizer: List, input: ScrollInput, isPlaced: boolean): boolean {
  const { scrollRef, view, rows } = input;
  const [isAtEnd, setAtEnd] = useState(false);
  const isFollowing = useRef(false);
  useLayoutEffect(() => {
    const element = scrollRef.current;
    if (!element || !isPlaced) return;
    let lastTopPx = element.scrollTop;
    const onScroll = () => {
      if (distanceFromEndPx(element) < endPx) setAtEnd(true);
      else if (element.scrollTop < lastTopPx) {
        isFollowing.current = false; // at once: what arrives before the next render must not pull the reader back
        setAtEnd(false);
      }
      lastTopPx = element.scrollTop;
    };
    const observer = new ResizeObserver(() => {
      if (isFollowing.current && document.visibilityState === 'visible') virtualizer.scrollToEnd();
    });
    setAtEnd(distanceFromEndPx(element) < endPx);
    element.addEventListener('scroll', onScroll, { passive: true });
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', onScroll);
      observer.disconnect();
    };
  }, [virtualizer, scrollRef, isPlaced]);
  const newest = rows.at(-1);
  const newestKey = newest && keyOf(newest);
  const isVisible = usePageVisible();
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when a newer row was added, with what held before
  useLayoutEffect(() => {
    if (isPlaced && isFollowing.current && isVisible) virtualizer.scrollToEnd();
  }, [newestKey]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the page is visible again, with what arrived meanwhile
  useLayoutEffect(() => {
    const element = scrollRef.current;
    if (!isPlaced || !isFollowing.current || !isVisible || !element) return;
    scrollToUnread(virtualizer, input);
    setAtEnd(distanceFromEndPx(element) < endPx);
  }, [isVisible]);
  // The end of what is loaded is not the end of the conversation: there the list follows nothing.
  useLayoutEffect(() => {
    isFollowing.current = isAtEnd && !view.hasNewer;
  }, [isAtEnd, view.hasNewer]);
  return isAtEnd;
}

const distanceFromEndPx = ({ scrollTop, scrollHeight, clientHeight }: HTMLElement): number =>
  scrollHeight - scrollTop - clientHeight;

/** Reports what stood in view of a visible page, never a row that is only loaded, behind a dialog, or that the list was moved past. */
function useMarkRead({ conversation, timeline, view, scrollRef }: ScrollInput, isPlaced: boolean): void {
  const { reading, userId: self } = useChat();
  const { conversationId } = conversation;
  const { skipsUnread } = view;
  const watch = useRef<ReadWatch>(undefined);
  useEffect(() => {
    const list = scrollRef.current;
    if (!isPlaced || !list || skipsUnread) return;
    const isAfterSkipped = (firstSeq: Seq) => {
      const afterSeq = reading.skippedAfterSeq(conversationId);
      const { messages: rows, hasOlder } = timeline.view.get();
      return afterSeq !== undefined && !isContinued({ rows, afterSeq, firstSeq, self, hasOlder });
    };
    const current = new ReadWatch({
      lastShown: () => {
        const shown = openDialogs.get() > 0 ? undefined : shownIn(list);
        if (!shown || isAfterSkipped(shown.firstSeq)) return undefined;
        reading.endSkip(conversationId);
        return shown.lastSeq;
      },
      report: (seq) => reading.report(conversationId, seq),
    });
    const look = () => current.lookSoon();
    watch.current = current;
    list.addEventListener('scroll', look, { passive: true });
    document.addEventListener('visibilitychange', look);
    return () => {
      list.removeEventListener('scroll', look);
      document.removeEventListener('visibilitychange', look);
      current.stop();
    };
  }, [reading, self, conversationId, timeline, scrollRef, isPlaced, skipsUnread]);
  useSignal(openDialogs);
  // Each render may have added, measured or moved rows, or closed a dialog.
  useEffect(() => watch.current?.lookSoon());
}
