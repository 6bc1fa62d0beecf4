// Numbers of messages as badges and titles show them.

const countMax = 999;

export const shownCount = (count: number): string => (count > countMax ? `${countMax}+` : String(count));
