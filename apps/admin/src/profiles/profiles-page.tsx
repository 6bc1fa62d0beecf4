// Profiles: the list with what each names, or the one that the address names, or a file of this computer.

import { type CpuProfile, cpuProfileStacks } from '@hongyan/profile/cpu-profile';
import { decodePprof } from '@hongyan/profile/pprof';
import type { Profile } from '@hongyan/profile/profile';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { FlameGraph } from '../flame-graph/flame-graph.tsx';
import { useWords } from '../i18n/words.ts';
import { Answer } from '../shell/answer.tsx';
import { IdLink } from '../shell/id-link.tsx';
import type { PageProps } from '../shell/page-props.ts';
import { useSettings } from '../shell/settings.tsx';
import { type ProfileList, type ProfileRecord, profileListQuery } from './profile-queries.ts';
import { ProfileView } from './profile-view.tsx';
import { TakeProfile } from './take-profile.tsx';

export function ProfilesPage({ rest: [id] }: PageProps) {
  return id === undefined ? <Overview /> : <ProfileView key={id} id={id} />;
}

function Overview() {
  const t = useWords();
  const list = useQuery(profileListQuery);
  const [opened, setOpened] = useState<{ readonly profile: Profile; readonly nth: number }>();
  return (
    <>
      <h1>{t('pages.profiles')}</h1>
      <p className="quiet">{t('profiles.lead')}</p>
      <OpenFile onOpen={(profile) => setOpened((before) => ({ profile, nth: (before?.nth ?? 0) + 1 }))} />
      {opened && <FlameGraph key={opened.nth} profile={opened.profile} />}
      <Answer of={list}>
        {(found) => (
          <>
            <TakeProfile processes={found.processes} />
            {found.silent && <p className="problem">{t('profiles.silent', { names: found.silent.join(', ') })}</p>}
            <ProfileTable list={found} />
          </>
        )}
      </Answer>
    </>
  );
}

function ProfileTable({ list }: { readonly list: ProfileList }) {
  const t = useWords();
  if (list.profiles.length === 0) return <p className="quiet">{t('profiles.none')}</p>;
  return (
    <table className="table">
      <thead>
        <tr>
          <th>{t('profiles.id')}</th>
          <th>{t('profiles.taken')}</th>
          <th>{t('profiles.why')}</th>
          <th>{t('profiles.hottest')}</th>
        </tr>
      </thead>
      <tbody>
        {list.profiles.map((record) => (
          <ProfileRow key={record.id} record={record} />
        ))}
      </tbody>
    </table>
  );
}

function ProfileRow({ record }: { readonly record: ProfileRecord }) {
  const t = useWords();
  const { settings } = useSettings();
  const { id, taken_at, reason, top } = record;
  const [first] = top;
  return (
    <tr>
      <td>
        <IdLink page="profiles" id={id} />
      </td>
      <td>{new Date(taken_at).toLocaleString(settings.language)}</td>
      <td>
        <span className="tag">{t(`profiles.reasons.${reason.type}`)}</span> {reason.type !== 'manual' && reason.detail}
      </td>
      <td className="code">{first && `${first.name} ${Math.round(first.share * 100)} %`}</td>
    </tr>
  );
}

/** A pprof file or a .cpuprofile, of this server or another program; it stays in this browser. */
function OpenFile({ onOpen }: { readonly onOpen: (profile: Profile) => void }) {
  const t = useWords();
  const [isBad, setBad] = useState(false);
  async function open(file: File | undefined): Promise<void> {
    if (!file) return;
    setBad(false);
    try {
      onOpen(await profileIn(file));
    } catch {
      setBad(true); // whatever a foreign file holds: the page says that it is no profile
    }
  }
  return (
    <p>
      <label className="link">
        {t('profiles.openFile')}
        <input
          type="file"
          className="unseen"
          accept=".gz,.pb,.pprof,.cpuprofile"
          onChange={({ target }) => {
            void open(target.files?.[0]);
            // So that the same file can be opened again when it was written anew.
            target.value = '';
          }}
        />
      </label>
      {isBad && (
        <span className="problem" role="alert">
          {' '}
          {t('profiles.badFile')}
        </span>
      )}
    </p>
  );
}

async function profileIn(file: File): Promise<Profile> {
  if (file.name.endsWith('.cpuprofile')) return cpuProfileStacks(JSON.parse(await file.text()) as CpuProfile, {});
  const profile = await decodePprof(new Uint8Array(await file.arrayBuffer()));
  if (profile.valueTypes.length === 0) throw new Error('no value types: no profile');
  return profile;
}
