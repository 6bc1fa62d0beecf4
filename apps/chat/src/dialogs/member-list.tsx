// The members of a group with their roles, and what this user may do with each.

import type { ConversationView, Member, UserId } from '@hongyan/client/api';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { byRole, type MemberAction, memberActions } from '../state/group-rules.ts';
import { useSignal } from '../state/signal.ts';
import { Avatar } from '../ui/avatar.tsx';
import { CloseIcon, CrownIcon, MoreIcon, PersonIcon, SearchIcon, ShieldIcon } from '../ui/icons.tsx';
import { Menu, MenuItem, type Place, placeBelow } from '../ui/menu.tsx';
import { nameOfUser } from '../ui/use-names.ts';

/** More are not drawn: nobody reads on, and each would be an element. The search finds the others. */
const shownMax = 300;
/** Fewer are found at a glance. */
const searchFrom = 12;

export function MemberList(props: {
  readonly members: readonly Member[];
  readonly role: ConversationView['role'];
  readonly onAction: (member: Member, action: MemberAction) => void;
}) {
  const { role } = props;
  const { userId: self } = useChat();
  const { t } = useTranslation();
  const [menu, setMenu] = useState<{ readonly member: Member; readonly place: Place }>();
  return (
    <>
      <Members
        members={props.members}
        render={(member, person) => (
          <li key={member.userId} className="person" data-id={member.userId}>
            {person}
            <RoleTag role={member.role} />
            {member.userId !== self && memberActions(role, member.role).length > 0 && (
              <button
                type="button"
                className="button-icon"
                title={t('dialogs.memberActions', { name: nameOf(member) })}
                aria-label={t('dialogs.memberActions', { name: nameOf(member) })}
                aria-haspopup="menu"
                aria-expanded={menu?.member.userId === member.userId}
                onClick={(event) => setMenu({ member, place: placeBelow(event.currentTarget) })}
              >
                <MoreIcon size={18} />
              </button>
            )}
          </li>
        )}
      />
      {menu && (
        <Menu
          label={t('dialogs.memberActions', { name: nameOf(menu.member) })}
          place={menu.place}
          onClose={() => setMenu(undefined)}
        >
          {memberActions(role, menu.member.role).map((action) => (
            <MenuItem
              key={action}
              icon={icons[action]}
              label={t(`dialogs.${action}`)}
              onClick={() => {
                setMenu(undefined);
                props.onAction(menu.member, action);
              }}
            />
          ))}
        </Menu>
      )}
    </>
  );
}

/** One of the members is to be chosen. */
export function MemberChoice(props: {
  readonly members: readonly Member[];
  readonly onPick: (member: Member) => void;
}) {
  return (
    <Members
      members={props.members}
      render={(member, person) => (
        <li key={member.userId}>
          <button type="button" className="person" onClick={() => props.onPick(member)}>
            {person}
            <RoleTag role={member.role} />
          </button>
        </li>
      )}
    />
  );
}

export const nameOf = ({ userId, displayName }: Member): string =>
  nameOfUser({ user_id: userId, display_name: displayName });

function Members(props: {
  readonly members: readonly Member[];
  readonly render: (member: Member, person: ReactNode) => ReactNode;
}) {
  const { members } = props;
  const { t } = useTranslation();
  const chat = useChat();
  const presence = useSignal(chat.people.presence);
  const [query, setQuery] = useState('');
  const shown = useMemo(() => byRole(members).filter(matching(query)).slice(0, shownMax), [members, query]);
  useEffect(() => chat.people.watch(shown.map((member) => member.userId)), [chat, shown]);
  return (
    <>
      {members.length >= searchFrom && (
        <div className="search">
          <SearchIcon size={17} />
          <input
            type="text"
            value={query}
            onChange={(event) => setQuery(event.target.value)}
            placeholder={t('dialogs.memberSearch')}
            aria-label={t('dialogs.memberSearch')}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
          />
        </div>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <ul className="people" aria-label={t('dialogs.groupMembers')} tabIndex={0}>
        {shown.map((member) =>
          props.render(member, personOf(member, presence.get(member.userId)?.online, chat.userId)),
        )}
      </ul>
    </>
  );
}

function personOf(member: Member, online: boolean | undefined, self: UserId): ReactNode {
  return <Person member={member} online={online} isSelf={member.userId === self} />;
}

function Person(props: { readonly member: Member; readonly online: boolean | undefined; readonly isSelf: boolean }) {
  const { member } = props;
  const { t } = useTranslation();
  const name = nameOf(member);
  return (
    <>
      <Avatar id={member.userId} name={name} size={38} online={props.online} />
      <span className="person-names">
        <span>
          <bdi>{name}</bdi>
          {props.isSelf && <span className="quiet"> ({t('time.you')})</span>}
        </span>
        <small className="quiet">{member.userId}</small>
      </span>
    </>
  );
}

function RoleTag({ role }: { readonly role: ConversationView['role'] }) {
  const { t } = useTranslation();
  if (role === 'member') return null;
  return (
    <span className="tag" data-role={role}>
      {t(`dialogs.${role}`)}
    </span>
  );
}

/** By the id, or by any part of the name. */
function matching(query: string): (member: Member) => boolean {
  const wanted = query.trim().toLowerCase();
  return (member) => `${nameOf(member)} ${member.userId}`.toLowerCase().includes(wanted);
}

const icons: Readonly<Record<MemberAction, ReactNode>> = {
  makeAdmin: <ShieldIcon size={17} />,
  endAdmin: <PersonIcon size={17} />,
  handOver: <CrownIcon size={17} />,
  removeMember: <CloseIcon size={17} />,
};
