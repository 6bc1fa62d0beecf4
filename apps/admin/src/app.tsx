// The console: sign-in, or the navigation beside the page that the address names.

import { useQuery } from '@tanstack/react-query';
import { SessionState } from './api/session.ts';
import { pageOf } from './pages.ts';
import { ErrorBoundary } from './shell/error-boundary.tsx';
import { Navigation } from './shell/navigation.tsx';
import { useRoute } from './shell/route.ts';
import { SignIn } from './sign-in/sign-in.tsx';

export function App() {
  const session = useQuery(SessionState.query);
  const route = useRoute();
  // Whoever is signed in by a cookie sees no flash of the sign-in page.
  if (session.isPending) return null;
  if (session.data !== true) return <SignIn problem={session.error} />;
  const page = pageOf(route);
  const { Page } = page;
  return (
    <div className="console">
      <Navigation current={page} />
      <main className="page">
        <ErrorBoundary key={route.join('/')}>
          <Page rest={route.slice(1)} />
        </ErrorBoundary>
      </main>
    </div>
  );
}
