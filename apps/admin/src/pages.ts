// Every page of the console, in the order of the navigation: a page is one line here, its words in i18n, and a folder of its own.

import type { ComponentType } from 'react';
import type { Words } from './i18n/en.ts';
import { ProfilesPage } from './profiles/profiles-page.tsx';
import type { PageProps } from './shell/page-props.ts';

export interface ConsolePage {
  /** First part of the address: #/profiles. */
  readonly name: keyof Words['pages'];
  readonly Page: ComponentType<PageProps>;
}

const profilesPage: ConsolePage = { name: 'profiles', Page: ProfilesPage };

export const pages: readonly ConsolePage[] = [profilesPage];

/** The first page where the address names none. */
export const pageOf = ([name]: readonly string[]): ConsolePage =>
  pages.find((page) => page.name === name) ?? pages[0] ?? profilesPage;
