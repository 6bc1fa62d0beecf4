// What every page of the console gets.

export interface PageProps {
  /** What the address has behind the page's name: ['<id>'] of #/profiles/<id>. */
  readonly rest: readonly string[];
}
