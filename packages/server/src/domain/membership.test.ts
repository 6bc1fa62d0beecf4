import { expect, test } from 'bun:test';
import { mayChange, mayPost, mayRead, mayRemove, maySetRole } from './membership.ts';

const code = (admission: { type: string; code?: string }) => admission.code ?? admission.type;
const kinds = ['direct', 'group', 'broadcast'] as const;

test('who is not a member may do nothing', () => {
  for (const kind of kinds) {
    const facts = { kind, role: undefined, isSelf: true, target: undefined };
    expect([mayPost(facts), mayRead(facts), mayChange(facts), mayRemove(facts), maySetRole(facts)].map(code)).toEqual(
      Array(5).fill('not_member'),
    );
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
  const facts = { kind, role };
  const found = [
    mayPost(facts),
    mayChange(facts),
    mayRemove({ ...facts, isSelf: true, target: role }),
    mayRemove({ ...facts, isSelf: false, target: 'member' }),
  ];
  expect(found.map(code)).toEqual([post, change, leave, remove]);
});

test('admins remove members alone; the owner removes everyone', () => {
  const remove = (role: 'owner' | 'admin', target: 'owner' | 'admin' | 'member') =>
    code(mayRemove({ kind: 'group', role, isSelf: false, target }));
  expect([remove('admin', 'owner'), remove('admin', 'admin'), remove('admin', 'member')]).toEqual([
    'forbidden',
    'forbidden',
    'ok',
  ]);
  expect([remove('owner', 'admin'), remove('owner', 'member')]).toEqual(['ok', 'ok']);
});

test('the owner gives roles, and hands over instead of stepping down', () => {
  const give = (role: 'owner' | 'admin' | 'member', isSelf = false, kind: (typeof kinds)[number] = 'group') =>
    code(maySetRole({ kind, role, isSelf }));
  expect([give('owner'), give('admin'), give('member')]).toEqual(['ok', 'forbidden', 'forbidden']);
  expect([give('owner', true), give('member', false, 'direct')]).toEqual(['conflict', 'forbidden']);
});
