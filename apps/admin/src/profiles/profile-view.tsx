// One kept profile: its flame graph, of time or of the heap.

import { Choice } from '@hongyan/look/choice';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { FlameGraph } from '../flame-graph/flame-graph.tsx';
import { useWords } from '../i18n/words.ts';
import { Answer } from '../shell/answer.tsx';
import { hrefOf } from '../shell/route.ts';
import { type Kind, kinds, profileFile, profileQuery } from './profile-queries.ts';

export function ProfileView({ id }: { readonly id: string }) {
  const t = useWords();
  const [kind, setKind] = useState<Kind>('cpu');
  const profile = useQuery(profileQuery(id, kind));
  return (
    <>
      <p>
        <a className="link" href={hrefOf('profiles')}>
          {t('profiles.back')}
        </a>
      </p>
      <h1 className="code">{id}</h1>
      <div className="toolbar">
        <Choice
          label={t('profiles.kind')}
          options={kinds.map((value) => ({ value, label: t(`profiles.${value}`) }))}
          value={kind}
          onChange={setKind}
        />
        <a className="link" href={`./${profileFile(id, kind)}`} download>
          {t('profiles.download')}
        </a>
      </div>
      <Answer of={profile}>
        {(found) => (
          <>
            <FlameGraph key={kind} profile={found} />
            {found.comments.map((comment) => (
              <p key={comment} className="hint">
                {comment}
              </p>
            ))}
          </>
        )}
      </Answer>
    </>
  );
}
