// Whether an address is a loopback address.

import type { Address } from '@hongyan/base/address';

export const isLoopback = ({ hostname }: Address): boolean => /^(127\.|localhost$|::1$)/.test(hostname);
