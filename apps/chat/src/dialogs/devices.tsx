// The user's devices: where they are signed in, and signing the others out.

import type { DeviceId, OwnDevice } from '@hongyan/client/api';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Session } from '../session.ts';
import { useChat } from '../state/chat-state.ts';
import { errorWords } from '../ui/error-words.ts';
import { Problem } from '../ui/problem.tsx';
import { fullTime } from '../ui/time.ts';
import { Confirm } from './confirm.tsx';

/** Others may sign in while the list is looked at. */
const readEveryMs = 5_000;

export function Devices({ session }: { readonly session: Session }) {
  const { t } = useTranslation();
  const { devices, problem, signedOut, signOut } = useDevices();
  const [asked, setAsked] = useState<OwnDevice>();
  const nameOf = useDeviceName();
  const headRef = useRef<HTMLHeadingElement>(null);
  return (
    <>
      <h3 ref={headRef} tabIndex={-1}>
        {t('dialogs.devices')}
      </h3>
      <p className="people-hint" role="status">
        {signedOut && t('dialogs.deviceSignedOut', { name: nameOf(signedOut) })}
      </p>
      <Problem words={problem} />
      {devices === undefined && problem === undefined && <p className="hint">{t('dialogs.devicesLoading')}</p>}
      <ul className="people devices" aria-label={t('dialogs.devices')}>
        {devices?.map((device) => (
          <Device key={device.deviceId} device={device} name={nameOf(device)} onSignOut={() => setAsked(device)} />
        ))}
      </ul>
      {(devices?.length ?? 0) > 1 && <SignOutEverywhere session={session} />}
      {asked && (
        <Confirm
          title={t('dialogs.signOutDeviceTitle')}
          action={t('dialogs.signOutDevice')}
          onConfirm={() => {
            signOut(asked);
            // The button that was pressed goes away with its device.
            headRef.current?.focus();
          }}
          onClose={() => setAsked(undefined)}
        >
          {t('dialogs.signOutDeviceSure', { name: nameOf(asked) })}
        </Confirm>
      )}
    </>
  );
}

function Device(props: { readonly device: OwnDevice; readonly name: string; readonly onSignOut: () => void }) {
  const { t, i18n } = useTranslation();
  const { device, name } = props;
  return (
    <li className="person" data-id={device.deviceId}>
      <span className="person-names">
        <strong>
          <bdi>{name}</bdi>
        </strong>
        {!device.isOnline && (
          <small className="quiet">
            {t('dialogs.deviceSeen', { when: fullTime(device.lastSeenMs, i18n.language) })}
          </small>
        )}
      </span>
      {device.isOnline && !device.isCurrent && <span className="tag">{t('dialogs.deviceOnline')}</span>}
      {device.isCurrent ? (
        <span className="tag">{t('dialogs.deviceHere')}</span>
      ) : (
        <button
          type="button"
          className="button-small"
          aria-label={t('dialogs.signOutDeviceLabel', { name })}
          onClick={props.onSignOut}
        >
          {t('dialogs.signOutDevice')}
        </button>
      )}
    </li>
  );
}

function SignOutEverywhere({ session }: { readonly session: Session }) {
  const { t } = useTranslation();
  const [isAsked, setAsked] = useState(false);
  const [problem, setProblem] = useState<string>();
  const signOut = () => {
    session.signOutEverywhere().catch((error: unknown) => setProblem(errorWords(error, t)));
  };
  return (
    <>
      <Problem words={problem} />
      <button type="button" className="button-quiet" onClick={() => setAsked(true)}>
        {t('dialogs.logoutAll')}
      </button>
      {isAsked && (
        <Confirm
          title={t('dialogs.logoutAllTitle')}
          action={t('dialogs.logoutAll')}
          onConfirm={signOut}
          onClose={() => setAsked(false)}
        >
          {t('dialogs.logoutAllSure')}
        </Confirm>
      )}
    </>
  );
}

function useDevices() {
  const { t } = useTranslation();
  const { client } = useChat();
  const [devices, setDevices] = useState<readonly OwnDevice[]>();
  const [readProblem, setReadProblem] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [signedOut, setSignedOut] = useState<OwnDevice>();
  const read = useCallback(async () => {
    try {
      setDevices(await client.devices());
      setReadProblem(undefined);
    } catch (error) {
      setReadProblem(errorWords(error, t));
    }
  }, [client, t]);
  useEffect(() => {
    void read();
    const timer = setInterval(() => void read(), readEveryMs);
    return () => clearInterval(timer);
  }, [read]);
  const signOut = (device: OwnDevice) => {
    client.revokeDevice(device.deviceId).then(
      () => {
        setSignedOut(device);
        setDevices((shown) => shown?.filter(({ deviceId }) => deviceId !== device.deviceId));
      },
      (error: unknown) => setProblem(errorWords(error, t)),
    );
  };
  return { devices, problem: problem ?? readProblem, signedOut, signOut };
}

/** A device without a name is told by the beginning of its id. */
function useDeviceName(): (device: OwnDevice) => string {
  const { t } = useTranslation();
  return ({ name, deviceId }) => name || `${t('dialogs.deviceUnnamed')} ${shortId(deviceId)}`;
}

/** Ids begin with their time of creation: ids of one morning differ only at the end. */
export const shortId = (deviceId: DeviceId): string => deviceId.slice(-8);
