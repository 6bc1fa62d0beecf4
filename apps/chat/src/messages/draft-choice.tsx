// Above the composer, while two devices have written different drafts: the other text, to be taken over or given up.

import type { ConversationView } from '@hongyan/client/api';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';

export function DraftChoice(props: { readonly conversation: ConversationView; readonly onChosen: () => void }) {
  const { conversation, onChosen } = props;
  const { t } = useTranslation();
  const { drafts } = useChat();
  const own = useSignal(drafts.all).get(conversation.conversationId) ?? '';
  const others = drafts.others(conversation);
  if (others.length === 0) return null;
  const choose = (text: string) => {
    drafts.choose(conversation, text);
    onChosen();
  };
  return (
    <section className="draft-choice" aria-label={t('messages.draftChoice')}>
      <p role="status">{t('messages.draftElsewhere')}</p>
      <ul>
        {others.map((text) => (
          <li key={text}>
            <bdi className="draft-choice-text">{text}</bdi>
            <button type="button" className="button-small" onClick={() => choose(text)}>
              {t('messages.draftUse')}
            </button>
          </li>
        ))}
      </ul>
      <button type="button" className="button-small" onClick={() => choose(own)}>
        {t('messages.draftKeep')}
      </button>
    </section>
  );
}
