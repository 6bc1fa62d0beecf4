// The reactions below a message: a press adds or takes back the own one; holding, or the secondary button, shows who reacted.

import { systemClock, type Timer } from '@hongyan/base/clock';
import type { ClientMessage } from '@hongyan/client/api';
import { useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';

/** Offered in the menu of a message. */
export const commonReactions = ['👍', '❤️', '😂', '😮', '🎉', '🙏'];

/** A press this long is a hold. */
const holdMs = 500;

export function Reactions(props: {
  readonly message: ClientMessage;
  /** Who reacted with the key is asked for. */
  readonly onWho: (key: string) => void;
}) {
  const { t } = useTranslation();
  const { changes } = useChat();
  const { reactions = [] } = props.message;
  const hold = useHold(props.onWho);
  if (reactions.length === 0) return null;
  return (
    <div className="reactions">
      {reactions.map(({ key, count, isMine }) => (
        <button
          key={key}
          type="button"
          className="reaction"
          aria-pressed={isMine}
          aria-label={t(isMine ? 'messages.reactionMine' : 'messages.reaction', { key, count })}
          title={t('messages.reactionHint')}
          onPointerDown={(event) => event.isPrimary && event.button === 0 && hold.begin(key)}
          onPointerUp={hold.end}
          onPointerLeave={hold.end}
          onPointerCancel={hold.end}
          onContextMenu={(event) => {
            event.preventDefault();
            event.stopPropagation(); // the row would open its menu
            hold.end();
            props.onWho(key);
          }}
          onClick={({ detail }) => {
            const isByKeyboard = detail === 0;
            if (isByKeyboard || !hold.wasLong()) changes.toggleReaction(props.message, key);
          }}
        >
          {inColour(key)} {count}
        </button>
      ))}
    </div>
  );
}

/** Not every browser makes a context menu of a long touch. The click that ends a hold is none. */
function useHold(onHold: (key: string) => void) {
  const timer = useRef<Timer>(undefined);
  const isLong = useRef(false);
  const end = () => timer.current?.cancel();
  return {
    begin(key: string): void {
      end();
      isLong.current = false;
      timer.current = systemClock.after(holdMs, () => {
        isLong.current = true;
        onHold(key);
      });
    },
    end,
    /** Whether the press that ends in this click was a hold. */
    wasLong(): boolean {
      const was = isLong.current;
      isLong.current = false;
      return was;
    },
  };
}

/** Keys come without variation selectors, and some emoji are plain signs then. */
export const inColour = (key: string): string =>
  key.replace(/^(?!\p{Emoji_Presentation})\p{Extended_Pictographic}$/u, '$&\uFE0F');
