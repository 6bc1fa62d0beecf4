// Below the list: what belongs after the last message shown, or was to be shown, and cannot be loaded now.

import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import type { Timeline } from '../state/timeline.ts';
import { CloseIcon } from '../ui/icons.tsx';
import { RetryButton } from './retry-button.tsx';

export function TimelineNote({ timeline }: { readonly timeline: Timeline }) {
  const { t } = useTranslation();
  const view = useSignal(timeline.view);
  const { type } = useSignal(useChat().connection);
  const isOnline = type === 'online';
  const { missedTarget, isTargetGone } = view;
  if (missedTarget !== undefined || isTargetGone) {
    return (
      <div className="timeline-note" role="status">
        <p>{t(isTargetGone ? 'messages.targetGone' : isOnline ? 'messages.targetFailed' : 'messages.targetOffline')}</p>
        {missedTarget !== undefined && (
          <RetryButton className="link" onRetry={() => void timeline.show(missedTarget)} />
        )}
        <button
          type="button"
          className="button-icon"
          aria-label={t('connection.dismiss')}
          onClick={() => timeline.forgetTarget()}
        >
          <CloseIcon size={17} />
        </button>
      </div>
    );
  }
  const isFailed = view.hasNewer && view.failed.includes('newer') && view.loading !== 'newer';
  // While they are on their way, being behind is no news.
  const isBehind = view.isBehind && !isOnline && type !== 'catching_up';
  if (!isFailed && !isBehind) return null;
  return (
    <div className="timeline-note" role="status">
      <p>{t(isOnline ? 'messages.newerFailed' : 'messages.newerOffline')}</p>
      <RetryButton className="link" onRetry={() => void timeline.loadNewer()} />
    </div>
  );
}
