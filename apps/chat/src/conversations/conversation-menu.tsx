// What a user does to one conversation for themselves: reads all of it, pins it, mutes it, archives it.

import { systemClock } from '@hongyan/base/clock';
import type { ConversationView } from '@hongyan/client/api';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { ArchiveIcon, BellIcon, BellOffIcon, ThumbtackIcon, TickIcon } from '../ui/icons.tsx';
import { Menu, MenuItem, type Place } from '../ui/menu.tsx';

const hourMs = 3_600_000;
/** The last moment that a date can name. */
const alwaysMs = 8_640_000_000_000_000;

export function ConversationMenu(props: {
  readonly conversation: ConversationView;
  readonly place: Place;
  readonly onClose: () => void;
}) {
  const { conversation, place, onClose } = props;
  const { conversationId, isMuted, isPinned, isArchived } = conversation;
  const { t } = useTranslation();
  const { client, reading } = useChat();
  /** A refusal undoes it, and the list shows that. */
  const act = (change: () => Promise<void>) => () => {
    onClose();
    change().catch(() => {});
  };
  const muteFor = (ms: number) => act(() => client.mute(conversationId, systemClock.nowMs() + ms));
  return (
    <Menu label={t('conversations.actions')} place={place} onClose={onClose}>
      <MenuItem
        icon={<ThumbtackIcon size={17} />}
        label={t(isPinned ? 'conversations.unpin' : 'conversations.pin')}
        onClick={act(() => client.pinConversation(conversationId, !isPinned))}
      />
      {conversation.unread > 0 && (
        <MenuItem
          icon={<TickIcon size={17} />}
          label={t('conversations.markRead')}
          onClick={() => {
            onClose();
            reading.readAll(conversation);
          }}
        />
      )}
      {isMuted ? (
        <MenuItem
          icon={<BellIcon size={17} />}
          label={t('conversations.unmute')}
          onClick={act(() => client.mute(conversationId, null))}
        />
      ) : (
        <>
          <MenuItem icon={<BellOffIcon size={17} />} label={t('conversations.muteHour')} onClick={muteFor(hourMs)} />
          <MenuItem icon={<BellOffIcon size={17} />} label={t('conversations.mute8')} onClick={muteFor(8 * hourMs)} />
          <MenuItem
            icon={<BellOffIcon size={17} />}
            label={t('conversations.muteAlways')}
            onClick={act(() => client.mute(conversationId, alwaysMs))}
          />
        </>
      )}
      <MenuItem
        icon={<ArchiveIcon size={17} />}
        label={t(isArchived ? 'conversations.unarchive' : 'conversations.archive')}
        onClick={act(() => client.archive(conversationId, !isArchived))}
      />
    </Menu>
  );
}
