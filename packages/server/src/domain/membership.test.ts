import { expect, test } from 'bun:test';
import { mayChange, mayPost, mayRead, mayRemove } from './membership.ts';

const code = (admission: { type: string; code?: string }) => admission.code ?? admission.type;
const kinds = ['direct', 'group', 'broadcast'] as const;

test('who is not a member may do nothing', () => {
  for (const kind of kinds) {
    const facts = { kind, role: undefined, isSelf: true };
    expect([mayPost(facts), mayRead(facts), mayChange(facts), mayRemove(facts)].map(code)).toEqual(
      Array(4).fill('not_member'),
    );
  }
});

test.each([
  ['direct', 'member', 'ok', 'forbidden', 'forbidden', 'forbidden'],
  ['group', 'member', 'ok', 'ok', 'ok', 'forbidden'],
  ['group', 'owner', 'ok', 'ok', 'ok', 'ok'],
  ['broadcast', 'member', 'forbidden', 'forbidden', 'ok', 'forbidden'],
  ['broadcast', 'owner', 'ok', 'ok', 'ok', 'ok'],
] as const)('%s, %s: post %s, change %s, leave %s, remove others %s', (kind, role, post, change, leave, remove) => {
  const facts = { kind, role };
  const found = [
    mayPost(facts),
    mayChange(facts),
    mayRemove({ ...facts, isSelf: true }),
    mayRemove({ ...facts, isSelf: false }),
  ];
  expect(found.map(code)).toEqual([post, change, leave, remove]);
});
