// Asks the server for users while a name is typed: after a pause, and never with an old answer over a newer one.

import { systemClock } from '@hongyan/base/clock';
import type { User } from '@hongyan/client/api';
import { useEffect, useState } from 'react';
import { useChat } from '../state/chat-state.ts';

const pauseMs = 180;

export interface UserSearch {
  readonly query: string;
  readonly setQuery: (query: string) => void;
  /** undefined: nothing was asked for yet. */
  readonly users: readonly User[] | undefined;
  readonly error: unknown;
}

export function useUserSearch(): UserSearch {
  const { client, people } = useChat();
  const [query, setQuery] = useState('');
  const [answer, setAnswer] = useState<{ users?: readonly User[]; error?: unknown }>({});
  useEffect(() => {
    const wanted = query.trim();
    let isCurrent = true;
    if (wanted === '') {
      setAnswer({});
      return;
    }
    const timer = systemClock.after(pauseMs, () => {
      client.searchUsers(wanted).then(
        (users) => {
          people.learnUsers(users);
          if (isCurrent) setAnswer({ users });
        },
        (error: unknown) => {
          if (isCurrent) setAnswer({ error });
        },
      );
    });
    return () => {
      isCurrent = false;
      timer.cancel();
    };
  }, [client, people, query]);
  return { query, setQuery, users: answer.users, error: answer.error };
}
