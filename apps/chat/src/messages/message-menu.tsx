// The actions of one message, and the dialogs that they open.

import { unreachable } from '@hongyan/base/assert';
import type { ClientMessage } from '@hongyan/client/api';
import { copyText } from '@hongyan/look/copy-text';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Confirm } from '../dialogs/confirm.tsx';
import { MessageDetails } from '../dialogs/message-details.tsx';
import { ReactionDetails } from '../dialogs/reaction-details.tsx';
import { type ChatState, useChat } from '../state/chat-state.ts';
import { BinIcon, CopyIcon, EditIcon, PinIcon, ReplyIcon, RetryIcon, SmileIcon, ThumbtackIcon } from '../ui/icons.tsx';
import { Menu, MenuItem, type Place } from '../ui/menu.tsx';
import { isolated, Sentence } from '../ui/sentence.tsx';
import { useName } from '../ui/use-names.ts';
import { runFailedAction } from './failed-message.ts';
import { actionsOf, type MessageAction, mayReact } from './message-actions.ts';
import { commonReactions } from './reactions.tsx';

export interface MenuPlace extends Place {
  /** As it was when the menu was asked for. */
  readonly message: ClientMessage;
  /** Opens who reacted with it, in place of the menu. */
  readonly reactionKey?: string;
}

type Step = 'menu' | 'where' | 'reactions' | 'recall';

export function MessageMenu(props: {
  readonly place: MenuPlace;
  /** As it is now. */
  readonly message: ClientMessage;
  readonly onClose: () => void;
}) {
  const { place, message, onClose } = props;
  const { reactionKey } = place;
  const [step, setStep] = useState<Step>(reactionKey === undefined ? 'menu' : 'reactions');
  switch (step) {
    case 'menu':
      return <Actions place={place} message={message} onStep={setStep} onClose={onClose} />;
    case 'where':
      return <MessageDetails message={message} onClose={onClose} />;
    case 'reactions':
      return <ReactionDetails message={message} reactionKey={reactionKey} onClose={onClose} />;
    case 'recall':
      return <Recall message={message} onClose={onClose} />;
    default:
      return unreachable(step);
  }
}

function Actions(props: {
  readonly place: Place;
  readonly message: ClientMessage;
  readonly onStep: (step: Step) => void;
  readonly onClose: () => void;
}) {
  const { message } = props;
  const { t } = useTranslation();
  const chat = useChat();
  const conversation = chat.client.conversation(message.conversationId);
  function run(action: MessageAction): void {
    if (action === 'where' || action === 'reactions' || action === 'recall') return props.onStep(action);
    props.onClose();
    runHere(chat, message, action);
  }
  return (
    <Menu label={t('messages.actions')} place={props.place} onClose={props.onClose}>
      {actionsOf({ message, self: chat.userId, conversation }).map((action) => (
        <MenuItem key={action} icon={icons[action]} label={t(`messages.${action}`)} onClick={() => run(action)} />
      ))}
      {mayReact(message) && (
        <div className="menu-reactions">
          {commonReactions.map((key) => (
            <button
              key={key}
              type="button"
              role="menuitem"
              aria-label={t('messages.react', { key })}
              onClick={() => {
                props.onClose();
                chat.changes.toggleReaction(message, key);
              }}
            >
              {key}
            </button>
          ))}
        </div>
      )}
    </Menu>
  );
}

function runHere(
  chat: ChatState,
  message: ClientMessage,
  action: Exclude<MessageAction, 'where' | 'reactions' | 'recall'>,
): void {
  switch (action) {
    case 'copy':
      return void copyText(message.content.text ?? '');
    case 'edit':
      return chat.changes.beginEdit(message);
    case 'reply':
      chat.changes.leaveEdit(message.conversationId);
      return chat.references.beginReply(message);
    case 'pin':
    case 'unpin':
      return chat.changes.pin(message, action === 'pin');
    default:
      return runFailedAction(chat, message, action);
  }
}

function Recall({ message, onClose }: { readonly message: ClientMessage; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const chat = useChat();
  const name = useName(message.from);
  return (
    <Confirm
      title={t('messages.recallTitle')}
      action={t('messages.recall')}
      onConfirm={() => chat.changes.recall(message)}
      onClose={onClose}
    >
      {message.from === chat.userId ? (
        t('messages.recallAsk')
      ) : (
        <Sentence text={t('messages.recallAskOther', { name: isolated(name) })} />
      )}
    </Confirm>
  );
}

const icons: Readonly<Record<MessageAction, ReactNode>> = {
  reply: <ReplyIcon size={17} />,
  copy: <CopyIcon size={17} />,
  pin: <ThumbtackIcon size={17} />,
  unpin: <ThumbtackIcon size={17} />,
  edit: <EditIcon size={17} />,
  recall: <BinIcon size={17} />,
  where: <PinIcon size={17} />,
  reactions: <SmileIcon size={17} />,
  retry: <RetryIcon size={17} />,
  editAgain: <EditIcon size={17} />,
  discard: <BinIcon size={17} />,
};
