// A menu of actions at a place of the window: opened by the pointer or by Enter, closed by Escape, Tab or a click elsewhere.

import { type KeyboardEvent, type ReactNode, useLayoutEffect, useRef } from 'react';

export interface Place {
  readonly leftPx: number;
  readonly topPx: number;
}

const marginPx = 8;

export function Menu(props: {
  readonly label: string;
  readonly place: Place;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const ref = useMenu(props.place, props.onClose);
  return (
    <div className="menu" ref={ref} role="menu" popover="auto" onKeyDown={moveInMenu} aria-label={props.label}>
      {props.children}
    </div>
  );
}

export function MenuItem(props: { readonly icon: ReactNode; readonly label: string; readonly onClick: () => void }) {
  return (
    <button type="button" role="menuitem" onClick={props.onClick}>
      {props.icon}
      {props.label}
    </button>
  );
}

/** Below the element, from its left. */
export function placeBelow(element: Element): Place {
  const { left, bottom } = element.getBoundingClientRect();
  return { leftPx: left, topPx: bottom + 4 };
}

/** Shows the menu inside the window, focuses its first item, and gives the focus back at the end. */
function useMenu(place: Place, onClose: () => void) {
  const ref = useRef<HTMLDivElement>(null);
  const closeRef = useRef(onClose);
  closeRef.current = onClose;
  useLayoutEffect(() => {
    const menu = ref.current;
    if (!menu) return;
    const before = document.activeElement as HTMLElement | null;
    menu.showPopover();
    const { width, height } = menu.getBoundingClientRect();
    menu.style.left = `${Math.max(marginPx, Math.min(place.leftPx, innerWidth - width - marginPx))}px`;
    menu.style.top = `${Math.max(marginPx, Math.min(place.topPx, innerHeight - height - marginPx))}px`;
    menu.querySelector('button')?.focus();
    const onToggle = (event: ToggleEvent) => {
      if (event.newState === 'closed') closeRef.current();
    };
    menu.addEventListener('toggle', onToggle);
    return () => {
      menu.removeEventListener('toggle', onToggle);
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
  }, [place]);
  return ref;
}

function moveInMenu(event: KeyboardEvent<HTMLElement>): void {
  if (event.key === 'Escape') event.stopPropagation(); // closes the menu alone, which the popover does
  if (event.key === 'Tab') {
    event.preventDefault();
    event.currentTarget.hidePopover();
    return;
  }
  const items = [...event.currentTarget.querySelectorAll('button')];
  const at = items.findIndex((item) => item.matches(':focus'));
  const next = { ArrowDown: (at + 1) % items.length, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  items.at(next)?.focus();
}
