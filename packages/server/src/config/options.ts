// Every option, declared once: flags, environment variables, file keys, --help and check-config derive from it.

import type { NumberOption, Option, SwitchOption } from './option.ts';
import { accessOptions } from './options/access.ts';
import { clusterOptions } from './options/cluster.ts';
import { connectionOptions } from './options/connections.ts';
import { eventOptions } from './options/events.ts';
import { limitOptions } from './options/limits.ts';
import { messageOptions } from './options/messages.ts';
import { operatingOptions } from './options/operating.ts';
import { serverOptions } from './options/server.ts';

/** In the order of --help, under its headings. */
export const optionGroups = [
  { title: 'Server', options: serverOptions },
  { title: 'Accounts and tokens', options: accessOptions },
  { title: 'Limits of users and addresses', options: limitOptions },
  { title: 'Messages and conversations', options: messageOptions },
  { title: 'Events, webhooks and tasks', options: eventOptions },
  { title: 'Connections', options: connectionOptions },
  { title: 'Operating', options: operatingOptions },
  { title: 'Cluster (with profile=cluster)', options: clusterOptions },
] as const;

export const options = optionGroups.flatMap((group): readonly Declared[] => group.options);

type Declared = (typeof optionGroups)[number]['options'][number];
type Camel<S extends string> = S extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;
type ValueOf<O extends Option> = O extends NumberOption ? number : O extends SwitchOption ? boolean : string;

/** The effective values, keyed in camelCase: `--frame-bytes-max` is `frameBytesMax`. */
export type Config = { readonly [O in Declared as Camel<O['name']>]: ValueOf<O> };
export type OptionName = Declared['name'];

export const camelCase = (name: string): string =>
  name.replace(/-(\w)/g, (_match, letter: string) => letter.toUpperCase());
export const environmentName = (name: string): string => `HONGYAN_${name.replaceAll('-', '_').toUpperCase()}`;
export const fileKey = (name: string): string => name.replaceAll('-', '_');
