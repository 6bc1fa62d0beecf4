import { expect, test } from 'bun:test';
import {
  defaultRules,
  mayAdd,
  mayMentionAll,
  mayPost,
  mayRead,
  mayRemove,
  mayRename,
  maySetRole,
  maySetRules,
} from './membership.ts';

const code = (admission: { type: string; code?: string }) => admission.code ?? admission.type;
const kinds = ['direct', 'group', 'broadcast'] as const;

test('a user who is not a member has no permissions', () => {
  for (const kind of kinds) {
    const facts = { kind, rules: defaultRules(kind), role: undefined, isSelf: true, target: undefined };
    const may = [mayPost, mayRead, mayRename, mayAdd, maySetRules, mayRemove, maySetRole].map((rule) => rule(facts));
    const mention = mayMentionAll(facts, { memberCount: 2, memberCountMax: 2 });
    expect([...may, mention].map(code)).toEqual(Array(8).fill('not_member'));
  }
});

test.each([
  ['direct', 'member', 'ok', 'forbidden', 'forbidden', 'forbidden'],
  ['group', 'member', 'ok', 'ok', 'ok', 'forbidden'],
  ['group', 'owner', 'ok', 'ok', 'ok', 'ok'],
  ['group', 'admin', 'ok', 'ok', 'ok', 'ok'],
  ['broadcast', 'admin', 'ok', 'ok', 'ok', 'ok'],
  ['broadcast', 'member', 'forbidden', 'forbidden', 'ok', 'forbidden'],
  ['broadcast', 'owner', 'ok', 'ok', 'ok', 'ok'],
] as const)('%s, %s: post %s, change %s, leave %s, remove others %s', (kind, role, post, change, leave, remove) => {
  const facts = { kind, rules: defaultRules(kind), role };
  const found = [
    mayPost(facts),
    mayRename(facts),
    mayRemove({ ...facts, isSelf: true, target: role }),
    mayRemove({ ...facts, isSelf: false, target: 'member' }),
  ];
  expect(found.map(code)).toEqual([post, change, leave, remove]);
});

test('admins remove only members; the owner removes anyone', () => {
  const remove = (role: 'owner' | 'admin', target: 'owner' | 'admin' | 'member') =>
    code(mayRemove({ kind: 'group', rules: defaultRules('group'), role, isSelf: false, target }));
  expect([remove('admin', 'owner'), remove('admin', 'admin'), remove('admin', 'member')]).toEqual([
    'forbidden',
    'forbidden',
    'ok',
  ]);
  expect([remove('owner', 'admin'), remove('owner', 'member')]).toEqual(['ok', 'ok']);
});

test('the owner gives roles, and can transfer the ownership but not step down', () => {
  const give = (role: 'owner' | 'admin' | 'member', isSelf = false, kind: (typeof kinds)[number] = 'group') =>
    code(maySetRole({ kind, rules: defaultRules(kind), role, isSelf }));
  expect([give('owner'), give('admin'), give('member')]).toEqual(['ok', 'forbidden', 'forbidden']);
  expect([give('owner', true), give('member', false, 'direct')]).toEqual(['conflict', 'forbidden']);
});

test('[E10] who may post, add and mention all is a rule of the conversation; admins change the rules', () => {
  const facts = (role: 'owner' | 'admin' | 'member', who: 'members' | 'admins') =>
    ({ kind: 'group', rules: { post: who, add: who, mention_all: who }, role }) as const;
  const small = { memberCount: 3, memberCountMax: 3 };
  for (const role of ['owner', 'admin', 'member'] as const) {
    const expected = role === 'member' ? 'forbidden' : 'ok';
    const limited = facts(role, 'admins');
    expect([mayPost(limited), mayAdd(limited), mayMentionAll(limited, small)].map(code)).toEqual(
      Array(3).fill(expected),
    );
    const open = facts(role, 'members');
    expect([mayPost(open), mayAdd(open), mayMentionAll(open, small)].map(code)).toEqual(Array(3).fill('ok'));
    expect(code(maySetRules(open))).toBe(expected);
    expect(code(mayMentionAll(open, { memberCount: 4, memberCountMax: 3 }))).toBe('too_large');
  }
  const direct = { kind: 'direct', rules: defaultRules('direct'), role: 'member' } as const;
  expect([mayAdd(direct), maySetRules(direct), mayMentionAll(direct, small)].map(code)).toEqual([
    'forbidden',
    'forbidden',
    'ok',
  ]);
});
