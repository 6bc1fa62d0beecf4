// The pages, and what concerns the whole console: language, appearance, sign-out. On a narrow screen a menu above the page.

import { Choice } from '@hongyan/look/choice';
import { languageNames, languages } from '@hongyan/look/languages';
import { useMedia } from '@hongyan/look/use-media';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { SessionState, signOut } from '../api/session.ts';
import { useWords } from '../i18n/words.ts';
import { type ConsolePage, pages } from '../pages.ts';
import { Failure } from './answer.tsx';
import { hrefOf } from './route.ts';
import { themes, useSettings } from './settings.tsx';

export function Navigation({ current }: { readonly current: ConsolePage }) {
  const t = useWords();
  const isNarrow = useMedia('(width < 820px)'); // as in the style sheet
  const queries = useQueryClient();
  const leaving = useMutation({
    mutationFn: signOut,
    onSuccess() {
      queries.setQueryData(SessionState.key, 'signed out');
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SessionState.key[0] });
    },
  });
  const choices = (
    <>
      <nav aria-label={t('app.pages')}>
        <ul className="navigation-pages">
          {pages.map(({ name }) => (
            <li key={name}>
              <a
                className="navigation-page"
                href={hrefOf(name)}
                aria-current={name === current.name ? 'page' : undefined}
              >
                {t(`pages.${name}`)}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div className="navigation-foot">
        <SettingsChoices />
        <button type="button" className="link" onClick={() => leaving.mutate()}>
          {t('app.signOut')}
        </button>
        {leaving.error && <Failure error={leaving.error} />}
      </div>
    </>
  );
  return (
    <header className="navigation">
      <strong className="navigation-name">{t('app.name')}</strong>
      {isNarrow ? (
        // The key closes the menu when another page opens.
        <details key={current.name} className="navigation-menu">
          <summary>{t('app.menu')}</summary>
          {choices}
        </details>
      ) : (
        choices
      )}
    </header>
  );
}

export function SettingsChoices() {
  const t = useWords();
  const { settings, change } = useSettings();
  return (
    <>
      <Choice
        label={t('app.language')}
        options={languages.map((value) => ({ value, label: languageNames[value], lang: value }))}
        value={settings.language}
        onChange={(language) => change({ language })}
      />
      <Choice
        label={t('app.theme')}
        options={themes.map((value) => ({ value, label: t(`themes.${value}`) }))}
        value={settings.theme}
        onChange={(theme) => change({ theme })}
      />
    </>
  );
}
