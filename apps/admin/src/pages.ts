// Every page of the console, in the order of the navigation: a page is one line here, its words in i18n, and a folder of its own.

import type { ComponentType } from 'react';
import { ConfigurationPage } from './configuration/configuration-page.tsx';
import { DevicesPage } from './devices/devices-page.tsx';
import type { Words } from './i18n/en.ts';
import { JourneyPage } from './journey/journey-page.tsx';
import { KeysPage } from './keys/keys-page.tsx';
import { NoticesPage } from './notices/notices-page.tsx';
import { OverviewPage } from './overview/overview-page.tsx';
import { ConversationsPage } from './people/conversations-page.tsx';
import { UsersPage } from './people/users-page.tsx';
import { ProfilesPage } from './profiles/profiles-page.tsx';
import { SessionsPage } from './sessions/sessions-page.tsx';
import type { PageProps } from './shell/page-props.ts';
import { TasksPage } from './tasks/tasks-page.tsx';
import { TiersPage } from './tiers/tiers-page.tsx';
import { WebhooksPage } from './webhooks/webhooks-page.tsx';

export interface ConsolePage {
  /** First part of the address: #/profiles. */
  readonly name: keyof Words['pages'];
  readonly Page: ComponentType<PageProps>;
}

const overviewPage: ConsolePage = { name: 'overview', Page: OverviewPage };

export const pages: readonly ConsolePage[] = [
  overviewPage,
  { name: 'users', Page: UsersPage },
  { name: 'conversations', Page: ConversationsPage },
  { name: 'journey', Page: JourneyPage },
  { name: 'sessions', Page: SessionsPage },
  { name: 'devices', Page: DevicesPage },
  { name: 'webhooks', Page: WebhooksPage },
  { name: 'tasks', Page: TasksPage },
  { name: 'keys', Page: KeysPage },
  { name: 'tiers', Page: TiersPage },
  { name: 'notices', Page: NoticesPage },
  { name: 'profiles', Page: ProfilesPage },
  { name: 'configuration', Page: ConfigurationPage },
];

/** The first page where the address names none. */
export const pageOf = ([name]: readonly string[]): ConsolePage =>
  pages.find((page) => page.name === name) ?? overviewPage;
