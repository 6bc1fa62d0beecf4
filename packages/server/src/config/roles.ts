// The parts of a server that a process runs.

export const roles = ['gateway', 'core', 'worker'] as const;
export type Role = (typeof roles)[number];

/** `gateway,core`. Throws, saying what is wrong. */
export function parseRoles(text: string): ReadonlySet<Role> {
  const given = text.split(',').map((part) => part.trim());
  const unknown = given.find((name) => !isRole(name));
  if (unknown !== undefined) throw new Error(`unknown role "${unknown}": the roles are ${roles.join(', ')}`);
  return new Set(given.filter(isRole));
}

const isRole = (name: string): name is Role => (roles as readonly string[]).includes(name);
