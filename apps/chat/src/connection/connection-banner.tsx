// The state of the connection when it is not online, and what the user can do about it.

import { unreachable } from '@hongyan/base/assert';
import { systemClock } from '@hongyan/base/clock';
import type { ConnectionState } from '@hongyan/client/api';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Session } from '../session.ts';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';

/** Most connections are there within this; a banner that flashes by would only disturb. */
const shownAfterMs = 600;

export function ConnectionBanner({ session }: { readonly session: Session }) {
  const { t } = useTranslation();
  const chat = useChat();
  const state = useSignal(chat.connection);
  const waiting = useSignal(chat.waitingCount);
  const isLate = useLate(state);
  if (state.type === 'online') return null;
  if (state.type !== 'closed' && !isLate) return null;
  if (state.type === 'closed' && state.reason === undefined) return null;
  return (
    <div className="banner" data-tone={state.type === 'closed' ? 'stop' : 'wait'} role="status">
      <p>
        <StateWords state={state} />
        {waiting > 0 && <span className="banner-waiting">{t('connection.waiting', { count: waiting })}</span>}
      </p>
      {state.type === 'reconnecting' && (
        <button type="button" className="button-small" onClick={() => void chat.client.connect().catch(() => {})}>
          {t('connection.tryNow')}
        </button>
      )}
      {state.type === 'closed' && <WayOut reason={state.reason} session={session} />}
    </div>
  );
}

function StateWords({ state }: { readonly state: ConnectionState }) {
  const { t } = useTranslation();
  const seconds = useSecondsUntil(state.type === 'reconnecting' ? state.retryAtMs : undefined);
  switch (state.type) {
    case 'connecting':
      return t('connection.connecting');
    case 'catching_up':
      return t('connection.catchingUp');
    case 'reconnecting':
      return t('connection.reconnecting', { count: seconds });
    case 'closed':
      return t(`connection.${state.reason ?? 'on_purpose'}`);
    case 'online':
      return null;
    default:
      return unreachable(state);
  }
}

function WayOut(props: {
  readonly reason: Extract<ConnectionState, { type: 'closed' }>['reason'];
  readonly session: Session;
}) {
  const { t } = useTranslation();
  const { client } = useChat();
  const again = () => void client.connect().catch(() => {}); // the state says how it went
  switch (props.reason) {
    case 'unauthorized':
    case 'token_revoked':
      return (
        <button type="button" className="button-small" onClick={() => props.session.signInAgain()}>
          {t('connection.signInAgain')}
        </button>
      );
    case 'protocol_error':
      return (
        <button type="button" className="button-small" onClick={() => location.reload()}>
          {t('connection.reload')}
        </button>
      );
    case 'replaced':
    case 'on_purpose':
    case undefined:
      return (
        <button type="button" className="button-small" onClick={again}>
          {props.reason === 'replaced' ? t('connection.useHere') : t('connection.connect')}
        </button>
      );
    default:
      return unreachable(props.reason);
  }
}

/** True once the connection has not been online for a moment. */
function useLate(state: ConnectionState): boolean {
  const [isLate, setLate] = useState(false);
  const isOnline = state.type === 'online';
  useEffect(() => {
    setLate(false);
    if (isOnline) return;
    const timer = systemClock.after(shownAfterMs, () => setLate(true));
    return () => timer.cancel();
  }, [isOnline]);
  return isLate;
}

function useSecondsUntil(atMs: number | undefined): number {
  const [nowMs, setNowMs] = useState(() => systemClock.nowMs());
  useEffect(() => {
    if (atMs === undefined) return;
    setNowMs(systemClock.nowMs());
    const timer = systemClock.every(500, () => setNowMs(systemClock.nowMs()));
    return () => timer.cancel();
  }, [atMs]);
  return atMs === undefined ? 0 : Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}
