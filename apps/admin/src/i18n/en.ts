// The words of the console in English; zh.ts has the same keys.

export const en = {
  app: {
    name: 'Hongyan console',
    pages: 'Pages',
    signOut: 'Sign out',
    language: 'Language',
    theme: 'Appearance',
    loading: 'Loading …',
  },
  themes: { system: 'System', light: 'Light', dark: 'Dark' },
  pages: { profiles: 'Profiles' },
  signIn: {
    token: 'Operator token',
    hint: 'It is in the file operator-token of the data folder.',
    wrong: 'This is not the token of this server.',
    enter: 'Sign in',
  },
  profiles: {
    lead: 'Where CPU time goes and what memory holds. The watchdog and alerts take profiles by themselves.',
    none: 'No profiles are kept yet.',
    process: 'Process',
    seconds: 'Seconds',
    take: 'Take a profile',
    taking: 'Recording …',
    openFile: 'Open a file',
    id: 'Profile',
    taken: 'Taken',
    why: 'Why',
    hottest: 'Hottest function',
    back: 'All profiles',
    kind: 'What is shown',
    cpu: 'CPU time',
    heap: 'Heap',
    download: 'Download',
    badFile: 'This is neither a pprof profile nor a .cpuprofile.',
    reasons: { manual: 'by hand', watchdog: 'watchdog', alert: 'alert' },
  },
  flame: {
    label: 'Flame graph',
    help: 'Arrow keys move, Enter zooms in, Escape zooms out, / searches.',
    search: 'Search functions and files',
    matches: '{{share}} match',
    all: 'all',
    self: 'self {{amount}} ({{share}})',
    total: 'total {{amount}} ({{share}})',
    reset: 'Whole profile',
    function: 'Function',
    place: 'Place',
    selfHead: 'Self',
    totalHead: 'Total',
    empty: 'Nothing ran while it was recorded.',
  },
};

type Texts<T> = { readonly [K in keyof T]: T[K] extends string ? string : Texts<T[K]> };
export type Words = Texts<typeof en>;
