// Asks the server for users while a name is typed: after a pause, and never with an old answer over a newer one.

import { systemClock } from '@hongyan/base/clock';
import type { User } from '@hongyan/client/api';
import { useEffect, useState } from 'react';
import { useChat } from '../state/chat-state.ts';

const pauseMs = 180;

export interface UserSearch {
  readonly query: string;
  readonly setQuery: (query: string) => void;
  /** undefined: nothing was asked for yet. Those of the query before while a newer one is under way. */
  readonly users: readonly User[] | undefined;
  readonly isUnderWay: boolean;
  readonly error: unknown;
}

interface Answer {
  readonly query: string;
  readonly users?: readonly User[];
  readonly error?: unknown;
}

export function useUserSearch(firstQuery = ''): UserSearch {
  const { client, people } = useChat();
  const [query, setQuery] = useState(firstQuery);
  const [answer, setAnswer] = useState<Answer>({ query: '' });
  const wanted = query.trim();
  useEffect(() => {
    let isCurrent = true;
    if (wanted === '') {
      setAnswer({ query: wanted });
      return;
    }
    const timer = systemClock.after(pauseMs, () => {
      client.searchUsers(wanted).then(
        (users) => {
          people.learnUsers(users);
          if (isCurrent) setAnswer({ query: wanted, users });
        },
        (error: unknown) => {
          if (isCurrent) setAnswer({ query: wanted, error });
        },
      );
    });
    return () => {
      isCurrent = false;
      timer.cancel();
    };
  }, [client, people, wanted]);
  return { query, setQuery, users: answer.users, isUnderWay: answer.query !== wanted, error: answer.error };
}
