// Users: found by the beginning of an id or of a word of a name, or the one that the address names.

import type { ListedUser } from '@hongyan/protocol/operator/people';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { Answer } from '../shell/answer.tsx';
import { IdLink } from '../shell/id-link.tsx';
import { More } from '../shell/more.tsx';
import type { PageProps } from '../shell/page-props.ts';
import { SearchForm } from '../shell/search-form.tsx';
import { useSearchText } from '../shell/search-text.ts';
import { Table } from '../shell/table.tsx';
import { Ago } from '../shell/time.tsx';
import { Online } from './online.tsx';
import { usersQuery } from './people-queries.ts';
import { UserView } from './user-view.tsx';

export function UsersPage({ rest: [id] }: PageProps) {
  return id === undefined ? <UserList /> : <UserView key={id} id={id} />;
}

function UserList() {
  const t = useWords();
  const [query, search] = useSearchText();
  const users = useInfiniteQuery(usersQuery(query));
  return (
    <>
      <h1>{t('pages.users')}</h1>
      <SearchForm
        label={t('users.search')}
        hint={t('users.hint')}
        action={t('app.search')}
        first={query}
        onSearch={search}
      />
      <Answer of={users}>
        {({ pages }) => {
          const found = pages.flatMap((page) => page.users);
          return (
            <>
              <UserTable users={found} />
              {pages.at(-1)?.is_cut && <p className="hint">{t('app.cut', { count: found.length })}</p>}
              <More of={users} />
            </>
          );
        }}
      </Answer>
    </>
  );
}

function UserTable({ users }: { readonly users: readonly ListedUser[] }) {
  const t = useWords();
  if (users.length === 0) return <p className="quiet">{t('users.none')}</p>;
  return (
    <Table
      name={t('pages.users')}
      isNameUnseen
      columns={[
        { head: t('users.id') },
        { head: t('users.name') },
        { head: t('users.presence') },
        { head: t('users.lastSeen') },
        { head: t('users.created') },
      ]}
    >
      {users.map(({ user_id, display_name, disabled, online, last_seen, created_at }) => (
        <tr key={user_id}>
          <th scope="row">
            <IdLink page="users" id={user_id} />
          </th>
          <td className="written">
            {display_name} {disabled && <span className="quiet">{t('users.disabled')}</span>}
          </td>
          <td>
            <Online isOnline={online} />
          </td>
          <td>
            <Ago at={last_seen} />
          </td>
          <td>
            <Ago at={created_at} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
