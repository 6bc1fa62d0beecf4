// Keys in the list of messages: arrows move from message to message, Escape leaves it.

import type { KeyboardEvent } from 'react';

export function focusByArrows(event: KeyboardEvent<HTMLElement>, leave: () => void): void {
  if (event.key === 'Escape') {
    event.preventDefault();
    leave();
    return;
  }
  if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
  const target = neighbour(event.currentTarget, event.key === 'ArrowUp' ? -1 : 1);
  if (!target) return;
  event.preventDefault();
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: 'nearest' });
}

/** The message above or below the focused one; from the list itself, the last one in view. */
function neighbour(list: HTMLElement, step: 1 | -1): HTMLElement | undefined {
  const messages = [...list.querySelectorAll<HTMLElement>('[role="article"]')].sort((a, b) => indexOf(a) - indexOf(b));
  const at = messages.findIndex((message) => message.contains(document.activeElement));
  if (at >= 0) return messages[at + step];
  const bottom = list.getBoundingClientRect().bottom;
  return messages.findLast((message) => message.getBoundingClientRect().top < bottom - 8);
}

const indexOf = (message: HTMLElement): number => Number(message.closest<HTMLElement>('[data-index]')?.dataset.index);
