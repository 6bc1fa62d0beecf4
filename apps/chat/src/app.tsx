// The page: sign-in, or the list of conversations beside the open one. Below 720 px one of the two is shown at a time.

import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { route } from './browser/route.ts';
import { ConnectionBanner } from './connection/connection-banner.tsx';
import { NoticeBanner } from './connection/notice-banner.tsx';
import { ServerNotices } from './connection/server-notices.tsx';
import { unreadTotal } from './conversations/list-rows.ts';
import { Sidebar, type StartDialog } from './conversations/sidebar.tsx';
import { useListed } from './conversations/use-listed.ts';
import { NewChat } from './dialogs/new-chat.tsx';
import { NewGroup } from './dialogs/new-group.tsx';
import { Settings } from './dialogs/settings.tsx';
import { ConversationPane } from './messages/conversation-pane.tsx';
import { NothingOpen } from './messages/nothing-open.tsx';
import { Notifier } from './notifications/notifier.tsx';
import type { Session } from './session.ts';
import { SignIn } from './sign-in/sign-in.tsx';
import { ChatContext, type ChatState, useChat } from './state/chat-state.ts';
import { useSignal } from './state/signal.ts';
import { Announcer } from './ui/announcer.tsx';
import { shownCount } from './ui/count.ts';

export function App({ session }: { readonly session: Session }) {
  const chat = useSignal(session.chat);
  if (!chat) return <SignIn session={session} />;
  return (
    <ChatContext value={chat}>
      <Chat session={session} chat={chat} />
    </ChatContext>
  );
}

function Chat({ session, chat }: { readonly session: Session; readonly chat: ChatState }) {
  const open = useSignal(route);
  const conversations = useSignal(chat.conversations);
  const listed = useListed(open);
  const connection = useSignal(chat.connection).type;
  const conversation = conversations.find((one) => one.conversationId === open);
  const [dialog, setDialog] = useState<{ readonly type: StartDialog; readonly query?: string | undefined }>();
  const start = (type: StartDialog, query?: string) => setDialog({ type, query });
  const close = () => setDialog(undefined);
  useUnreadTitle();
  useEffect(() => {
    if (open === undefined) return;
    if (connection === 'online' && !chat.client.conversation(open)) chat.unknownInAddress();
    else chat.notice.set(undefined);
  }, [chat, open, connection]);
  useEffect(() => {
    const others = conversations.filter((one) => one.kind === 'direct').flatMap((one) => one.members);
    chat.people.watch(others.filter((userId) => userId !== chat.userId));
  }, [chat, conversations]);

  return (
    <div className="chat" data-open={conversation !== undefined}>
      <div className="banners">
        <ConnectionBanner session={session} />
        <ServerNotices />
        <NoticeBanner />
      </div>
      <Sidebar openId={open} isAlone={conversation === undefined} onDialog={start} />
      {conversation ? (
        <ConversationPane key={conversation.conversationId} conversation={conversation} />
      ) : (
        <NothingOpen hasConversations={listed.length > 0} onStart={start} />
      )}
      {/* Not inside the list, which may be hidden while one is open: a window can become narrow. */}
      {dialog?.type === 'settings' && <Settings session={session} onClose={close} />}
      {dialog?.type === 'new-chat' && <NewChat firstQuery={dialog.query} onClose={close} />}
      {dialog?.type === 'new-group' && <NewGroup onClose={close} />}
      <Announcer />
      <Notifier />
    </div>
  );
}

function useUnreadTitle(): void {
  const { t } = useTranslation();
  const unread = unreadTotal(useSignal(useChat().conversations));
  useEffect(() => {
    document.title = unread > 0 ? t('app.unreadTitle', { unread: shownCount(unread) }) : t('app.name');
  }, [unread, t]);
}
