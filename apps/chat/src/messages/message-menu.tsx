// The actions of one message: opened by the pointer or by Enter, closed by Escape, Tab or a click elsewhere.

import type { Client, ClientMessage } from '@hongyan/client/api';
import { type KeyboardEvent, type ReactNode, type RefObject, useLayoutEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { MessageDetails } from '../dialogs/message-details.tsx';
import { useChat } from '../state/chat-state.ts';
import { BinIcon, CopyIcon, EditIcon, PinIcon, RetryIcon } from '../ui/icons.tsx';
import { type FailedAction, failedActions, runFailedAction } from './failed-message.ts';
import { commonReactions, toggleReaction } from './reactions.tsx';

export interface MenuPlace {
  readonly message: ClientMessage;
  readonly leftPx: number;
  readonly topPx: number;
}

const marginPx = 8;

export function MessageMenu(props: {
  readonly place: MenuPlace;
  readonly scrollRef: RefObject<HTMLElement>;
  readonly onClose: () => void;
}) {
  const { message } = props.place;
  const [isDetailed, setDetailed] = useState(false);
  if (isDetailed) return <MessageDetails message={message} onClose={props.onClose} />;
  return <Menu {...props} onDetails={() => setDetailed(true)} />;
}

function Menu(props: {
  readonly place: MenuPlace;
  readonly scrollRef: RefObject<HTMLElement>;
  readonly onClose: () => void;
  readonly onDetails: () => void;
}) {
  const { place, onClose, onDetails } = props;
  const { message } = place;
  const { t } = useTranslation();
  const chat = useChat();
  const ref = useMenu(props);
  const act = (action: () => void) => () => {
    onClose();
    action();
  };
  return (
    <div
      className="menu"
      ref={ref}
      role="menu"
      popover="auto"
      onKeyDown={moveInMenu}
      aria-label={t('messages.actions')}
    >
      {message.content.text !== undefined && (
        <button type="button" role="menuitem" onClick={act(() => void copy(message.content.text ?? ''))}>
          <CopyIcon size={17} />
          {t('messages.copy')}
        </button>
      )}
      {message.seq !== undefined && (
        <button type="button" role="menuitem" onClick={onDetails}>
          <PinIcon size={17} />
          {t('messages.where')}
        </button>
      )}
      {message.seq !== undefined && message.from === chat.userId && !message.isRecalled && (
        <button
          type="button"
          role="menuitem"
          onClick={act(() => recall(chat.client, message, t('messages.recallAsk')))}
        >
          <BinIcon size={17} />
          {t('messages.recall')}
        </button>
      )}
      {failedActions(message).map((action) => (
        <button key={action} type="button" role="menuitem" onClick={act(() => runFailedAction(chat, message, action))}>
          {failedIcons[action]}
          {t(`messages.${action}`)}
        </button>
      ))}
      {message.seq !== undefined && !message.isRecalled && (
        <div className="menu-reactions">
          {commonReactions.map((key) => (
            <button
              key={key}
              type="button"
              role="menuitem"
              aria-label={t('messages.react', { key })}
              onClick={act(() => toggleReaction(chat.client, message, key))}
            >
              {key}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** A refusal is reported by the client's `changed` event too. */
function recall(client: Client, { conversationId, seq }: ClientMessage, question: string): void {
  if (seq === undefined || !confirm(question)) return;
  client.recall(conversationId, seq).catch(() => {});
}

const failedIcons: Readonly<Record<FailedAction, ReactNode>> = {
  retry: <RetryIcon size={17} />,
  editAgain: <EditIcon size={17} />,
  discard: <BinIcon size={17} />,
};

/** Shows the menu inside the window, focuses its first item, and gives the focus back at the end. */
function useMenu({ place, onClose }: { readonly place: MenuPlace; readonly onClose: () => void }) {
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

async function copy(text: string): Promise<void> {
  // Pages served without TLS have no clipboard; then nothing is copied and nothing else is harmed.
  await navigator.clipboard?.writeText(text).catch(() => {});
}
