// The reactions to a message, and adding or taking back one's own.

import type { Client, ClientMessage } from '@hongyan/client/api';
import { isSameKey } from '@hongyan/client/apply-change';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';

/** Offered in the menu of a message. */
export const commonReactions = ['👍', '❤️', '😂', '😮', '🎉', '🙏'];

/** Below the message; a press adds or takes back the own reaction. */
export function Reactions({ message }: { readonly message: ClientMessage }) {
  const { t } = useTranslation();
  const { client } = useChat();
  const { reactions = [] } = message;
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
          onClick={() => toggleReaction(client, message, key)}
        >
          {inColour(key)} {count}
        </button>
      ))}
    </div>
  );
}

export function toggleReaction(
  client: Client,
  { conversationId, seq, reactions = [] }: ClientMessage,
  key: string,
): void {
  if (seq === undefined) return;
  const isMine = reactions.some((reaction) => isSameKey(reaction.key, key) && reaction.isMine);
  // A refusal is reported by the client's `changed` event too.
  client.react(conversationId, seq, key, isMine ? 'remove' : 'add').catch(() => {});
}

/** Keys come without variation selectors, and some emoji are plain signs then. */
const inColour = (key: string): string =>
  key.replace(/^(?!\p{Emoji_Presentation})\p{Extended_Pictographic}$/u, '$&\uFE0F');
