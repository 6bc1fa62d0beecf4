// The console: sign-in, or the navigation beside the page that the address names.

import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { SessionState } from './api/session.ts';
import { useWords } from './i18n/words.ts';
import { pageOf } from './pages.ts';
import { useFailure } from './shell/answer.tsx';
import { ErrorBoundary } from './shell/error-boundary.tsx';
import { Navigation } from './shell/navigation.tsx';
import { useRoute } from './shell/route.ts';
import { SignIn } from './sign-in/sign-in.tsx';

export function App() {
  const t = useWords();
  const session = useQuery(SessionState.query);
  const problem = useFailure(session);
  // Whoever is signed in by a cookie sees no flash of the sign-in page; the style sheet shows this after a moment.
  if (session.isPending && !problem) return <p className="starting quiet">{t('app.loading')}</p>;
  if (session.data !== 'signed in') return <SignIn problem={problem} hasEnded={session.data === 'ended'} />;
  return <Console />;
}

function Console() {
  const t = useWords();
  const route = useRoute();
  const page = pageOf(route);
  const { Page } = page;
  const address = route.join('/');
  const main = useRef<HTMLElement>(null);
  const [, subject] = route;
  useTitle([...(subject === undefined ? [] : [subject]), t(`pages.${page.name}`)]);
  useFocusOnArrival(main, address);
  return (
    <div className="console">
      <Navigation current={page} />
      <main ref={main} className="page" tabIndex={-1} aria-label={t(`pages.${page.name}`)}>
        <ErrorBoundary key={address}>
          <Page rest={route.slice(1)} />
        </ErrorBoundary>
      </main>
    </div>
  );
}

/** Of the page that is shown, the most particular part first, as tabs and the browser's history cut the end. */
function useTitle(parts: readonly string[]): void {
  const name = useWords()('app.name');
  const title = [...parts, name].join(' – ');
  useEffect(() => {
    document.title = title;
    return () => {
      document.title = name;
    };
  }, [title, name]);
}

/** Screen readers and the Tab key go on in the page that was come to: the link that led there may be gone. */
function useFocusOnArrival(main: React.RefObject<HTMLElement | null>, address: string): void {
  const shown = useRef(address);
  useEffect(() => {
    if (shown.current === address) return;
    shown.current = address;
    main.current?.focus();
  }, [main, address]);
}
