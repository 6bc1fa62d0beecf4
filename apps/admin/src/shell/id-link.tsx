// An id, or an address, that leads to the page of what it names.

import { hrefOf } from './route.ts';

interface IdLinkProps {
  readonly page: string;
  readonly id: string;
  /** What is shown; the id when absent. */
  readonly label?: string;
}

export const IdLink = ({ page, id, label = id }: IdLinkProps) => (
  <a className="link code" href={hrefOf(page, id)}>
    {label}
  </a>
);
