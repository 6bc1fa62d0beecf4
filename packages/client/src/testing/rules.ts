// For tests: who may do what in a group where nobody chose otherwise.

import type { Rules } from '../wire.ts';

export const rules: Rules = { post: 'members', add: 'members', mention_all: 'admins' };
