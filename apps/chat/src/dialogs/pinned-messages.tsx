// All pinned messages of a conversation, newest first: each leads to its place, and may be taken off the list.

import type { ClientMessage, ConversationView } from '@hongyan/client/api';
import { useTranslation } from 'react-i18next';
import { mayPin } from '../messages/message-actions.ts';
import { quotedText } from '../messages/quote.tsx';
import { useChat } from '../state/chat-state.ts';
import { Avatar } from '../ui/avatar.tsx';
import { CloseIcon } from '../ui/icons.tsx';
import { useNames } from '../ui/use-names.ts';
import { Dialog } from './dialog.tsx';

export function PinnedMessages(props: {
  readonly conversation: ConversationView;
  readonly list: readonly ClientMessage[];
  readonly onJump: (seq: number) => void;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const { changes } = useChat();
  const nameOf = useNames(props.list.map(({ from }) => from));
  return (
    <Dialog title={t('messages.pinned')} onClose={props.onClose}>
      <ul className="people" aria-label={t('messages.pinned')}>
        {props.list.toReversed().map((message) => (
          <li key={message.seq} className="person">
            <Avatar id={message.from} name={nameOf(message.from)} size={38} />
            <button
              type="button"
              className="pinned-newest"
              onClick={() => {
                props.onClose();
                if (message.seq !== undefined) props.onJump(message.seq);
              }}
            >
              <bdi>{nameOf(message.from)}</bdi>
              <span dir="auto">{quotedText(message, t)}</span>
            </button>
            {mayPin(props.conversation) && (
              <button
                type="button"
                className="button-icon"
                aria-label={t('messages.unpin')}
                title={t('messages.unpin')}
                onClick={() => changes.pin(message, false)}
              >
                <CloseIcon size={18} />
              </button>
            )}
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
